#include "allocation_counter.h"

#include <atomic>

namespace {
std::atomic<size_t> count{0};
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

namespace godot_executorch::testing {
bool counts_allocations() {
    return false;
}
}  // namespace godot_executorch::testing

#else

// glibc lets a program replace malloc; these pass on to its own and count.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
    ++count;
    return __libc_malloc(size);
}
void* calloc(size_t number, size_t size) {
    ++count;
    return __libc_calloc(number, size);
}
void* realloc(void* memory, size_t size) {
    ++count;
    return __libc_realloc(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
    ++count;
    return __libc_memalign(alignment, size);
}
void* memalign(size_t alignment, size_t size) {
    ++count;
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
    ++count;
    *memory = __libc_memalign(alignment, size);
    return *memory == nullptr ? 12 : 0;
}
}

namespace godot_executorch::testing {
bool counts_allocations() {
    return true;
}
}  // namespace godot_executorch::testing

#endif

namespace godot_executorch::testing {

void reset_allocation_count() {
    count = 0;
}

size_t allocation_count() {
    return count;
}

}  // namespace godot_executorch::testing
