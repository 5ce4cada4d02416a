#include "core/platform/memory.h"

#include <sys/mman.h>
#include <unistd.h>

namespace godot_executorch {

void Pages::release_from(size_t offset) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t start = (offset + page - 1) / page * page;
    if (start < size_) {
        // MADV_DONTNEED would keep what is in the pages; a new mapping in their place is zeros.
        ::mmap(data_ + start, size_ - start, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
}

}  // namespace godot_executorch
