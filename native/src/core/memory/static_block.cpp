#include "core/memory/static_block.h"

#include <algorithm>
#include <utility>

namespace godot_executorch {

size_t StaticBlock::take_shortage() {
    return std::exchange(shortage_, 0);
}

uint8_t* StaticBlock::take_at(size_t& offset, size_t start, size_t size, size_t alignment) {
    if (!is_power_of_two(alignment) || size > SIZE_MAX / 4) {
        return nullptr;
    }
    const size_t position = start + offset;
    const size_t padding = padding_for(pages_.data() + position, alignment);
    const size_t available = pages_.size() - position;
    if (padding > available || size > available - padding) {
        shortage_ = std::max(shortage_, padding + size - available);
        return nullptr;
    }
    offset += padding + size;
    return pages_.data() + position + padding;
}

uint8_t* StaticBlock::take(size_t size, size_t alignment) {
    return take_at(used_, 0, size, alignment);
}

uint8_t* StaticBlock::take_temporary(size_t size, size_t alignment) {
    uint8_t* result = take_at(temporary_, used_, size, alignment);
    temporary_peak_ = std::max(temporary_peak_, temporary_);
    return result;
}

void StaticBlock::rewind(size_t used) {
    used_ = used;
    temporary_ = 0;
    pages_.release_from(used);
}

void* StaticMethodAllocator::allocate(size_t size, size_t alignment) {
    void* result = overflow_.capacity() == 0 ? block_->take(size, alignment) : nullptr;
    if (result == nullptr) {
        result = overflow_.allocate(size, alignment);
    }
    used_ += size;
    return result;
}

}  // namespace godot_executorch
