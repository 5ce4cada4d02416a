#pragma once

#include <executorch/runtime/core/memory_allocator.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/memory/alignment.h"

namespace godot_executorch {

/// Grows by chunks; `reset` keeps the memory, so that a warm temporary allocator does not touch the heap.
class GrowingAllocator final : public executorch::runtime::MemoryAllocator {
  public:
    GrowingAllocator() : MemoryAllocator(0, nullptr) {}
    ~GrowingAllocator() override;

    void* allocate(size_t size, size_t alignment = kDefaultAlignment) override;
    void reset() override;
    size_t used_size() const override { return used_; }
    size_t free_size() const override { return capacity_ - used_; }

    /// Allocations beyond so many bytes fail.
    void set_limit(size_t bytes) { limit_ = bytes; }
    size_t peak() const { return peak_; }
    size_t capacity() const { return capacity_; }

  private:
    struct Chunk {
        uint8_t* data;
        size_t size;
        size_t used;
    };
    std::vector<Chunk> chunks_;
    size_t used_ = 0;
    size_t peak_ = 0;
    size_t capacity_ = 0;
    size_t limit_ = SIZE_MAX;
};

}  // namespace godot_executorch
