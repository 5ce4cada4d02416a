#include "core/platform/memory.h"

#include <sys/mman.h>
#include <unistd.h>

namespace godot_executorch {

void Pages::release_from(size_t offset) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t start = (offset + page - 1) / page * page;
    if (start < size_) {
        ::madvise(data_ + start, size_ - start, MADV_DONTNEED);
    }
}

}  // namespace godot_executorch
