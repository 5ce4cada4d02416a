#include "core/platform/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <utility>

namespace godot_executorch {

void* allocate_aligned(size_t alignment, size_t size) {
    return std::aligned_alloc(alignment, size);
}

void free_aligned(void* memory) {
    std::free(memory);
}

Pages::Pages(size_t size) {
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data != MAP_FAILED) {
        data_ = static_cast<uint8_t*>(data);
        size_ = size;
    }
}

Pages::~Pages() {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
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

}  // namespace godot_executorch
