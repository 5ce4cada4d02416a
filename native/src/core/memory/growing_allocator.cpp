#include "core/memory/growing_allocator.h"

#include <algorithm>

#include "core/platform/memory.h"

namespace godot_executorch {
namespace {

// Small at first, because a small policy needs little and there may be hundreds of them.
constexpr size_t kFirstChunk = 1024;
constexpr size_t kLargestChunk = 4096;

}  // namespace

GrowingAllocator::~GrowingAllocator() {
    for (const Chunk& chunk : chunks_) {
        free_aligned(chunk.data);
    }
}

void* GrowingAllocator::allocate(size_t size, size_t alignment) {
    if (!is_power_of_two(alignment) || size > SIZE_MAX / 4 || alignment > SIZE_MAX / 4 || used_ > limit_ ||
        size > limit_ - used_) {
        return nullptr;
    }
    for (Chunk& chunk : chunks_) {
        const size_t padding = padding_for(chunk.data + chunk.used, alignment);
        const size_t available = chunk.size - chunk.used;
        if (padding <= available && size <= available - padding) {
            uint8_t* result = chunk.data + chunk.used + padding;
            chunk.used += padding + size;
            used_ += padding + size;
            peak_ = std::max(peak_, used_);
            return result;
        }
    }
    const size_t boundary = std::max(alignment, kMemoryAlignment);
    const size_t wanted = std::max(size, std::clamp(capacity_, kFirstChunk, kLargestChunk));
    const size_t chunk_size = (wanted + boundary - 1) / boundary * boundary;
    auto* data = static_cast<uint8_t*>(allocate_aligned(boundary, chunk_size));
    if (data == nullptr) {
        return nullptr;
    }
    chunks_.push_back({data, chunk_size, size});
    capacity_ += chunk_size;
    used_ += size;
    peak_ = std::max(peak_, used_);
    return data;
}

void GrowingAllocator::reset() {
    if (used_ == 0) {
        return;
    }
    for (Chunk& chunk : chunks_) {
        chunk.used = 0;
    }
    used_ = 0;
}

}  // namespace godot_executorch
