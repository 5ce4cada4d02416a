#include "core/platform/memory.h"

#include <malloc.h>
#include <windows.h>

#include <utility>

namespace godot_executorch {

void* allocate_aligned(size_t alignment, size_t size) {
    return ::_aligned_malloc(size, alignment);
}

void free_aligned(void* memory) {
    ::_aligned_free(memory);
}

Pages::Pages(size_t size) {
    data_ = static_cast<uint8_t*>(::VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
    size_ = data_ != nullptr ? size : 0;
}

Pages::~Pages() {
    if (data_ != nullptr) {
        ::VirtualFree(data_, 0, MEM_RELEASE);
    }
}

Pages::Pages(Pages&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {
}

Pages& Pages::operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

void Pages::release_from(size_t offset) {
    SYSTEM_INFO system = {};
    ::GetSystemInfo(&system);
    const size_t page = system.dwPageSize;
    const size_t start = (offset + page - 1) / page * page;
    if (start < size_) {
        ::VirtualFree(data_ + start, size_ - start, MEM_DECOMMIT);
        ::VirtualAlloc(data_ + start, size_ - start, MEM_COMMIT, PAGE_READWRITE);
    }
}

}  // namespace godot_executorch
