#include "model/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace godot_executorch {
namespace {

constexpr size_t kChunkSize = 16 * 1024;

bool is_power_of_two(size_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

size_t padding_for(const uint8_t* pointer, size_t alignment) {
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    return (alignment - address % alignment) % alignment;
}

}  // namespace

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

void Pages::release_from(size_t offset) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t start = (offset + page - 1) / page * page;
    if (start < size_) {
        ::madvise(data_ + start, size_ - start, MADV_DONTNEED);
    }
}

GrowingAllocator::~GrowingAllocator() {
    for (const Chunk& chunk : chunks_) {
        std::free(chunk.data);
    }
}

void* GrowingAllocator::allocate(size_t size, size_t alignment) {
    if (!is_power_of_two(alignment) || size > SIZE_MAX / 4 || alignment > SIZE_MAX / 4) {
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
    const size_t wanted = std::max(size, kChunkSize);
    const size_t chunk_size = (wanted + boundary - 1) / boundary * boundary;
    auto* data = static_cast<uint8_t*>(std::aligned_alloc(boundary, chunk_size));
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
