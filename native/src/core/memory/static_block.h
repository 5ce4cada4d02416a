#pragma once

#include <executorch/runtime/core/memory_allocator.h>

#include <cstddef>
#include <cstdint>

#include "core/memory/growing_allocator.h"
#include "core/platform/memory.h"

namespace godot_executorch {

/// One block from which a STATIC model takes everything. Method memory grows from its start; what is left
/// serves as temporary memory, which is empty between kernels.
class StaticBlock {
  public:
    explicit StaticBlock(size_t size) : pages_(size) {}

    bool is_valid() const { return pages_.data() != nullptr; }
    size_t size() const { return pages_.size(); }
    size_t used() const { return used_; }
    size_t temporary_peak() const { return temporary_peak_; }
    /// How much more was asked for than there is, since the last call.
    size_t take_shortage();

    uint8_t* take(size_t size, size_t alignment);
    uint8_t* take_temporary(size_t size, size_t alignment);
    void reset_temporary() { temporary_ = 0; }
    /// Forgets what was taken after `used`; for a method that could not be loaded.
    void rewind(size_t used);

  private:
    uint8_t* take_at(size_t& offset, size_t start, size_t size, size_t alignment);

    Pages pages_;
    size_t used_ = 0;
    size_t temporary_ = 0;
    size_t temporary_peak_ = 0;
    size_t shortage_ = 0;
};

/// The part of a StaticBlock that a method keeps. Falls back to the heap once the block is full, so that the load goes
/// on and the whole need is known; the model is then refused.
class StaticMethodAllocator final : public executorch::runtime::MemoryAllocator {
  public:
    explicit StaticMethodAllocator(StaticBlock* block) : MemoryAllocator(0, nullptr), block_(block) {}

    void* allocate(size_t size, size_t alignment = kDefaultAlignment) override;
    void reset() override {}
    size_t used_size() const override { return used_; }
    size_t overflow() const { return overflow_.capacity(); }

  private:
    StaticBlock* block_;
    GrowingAllocator overflow_;
    size_t used_ = 0;
};

class StaticTemporaryAllocator final : public executorch::runtime::MemoryAllocator {
  public:
    explicit StaticTemporaryAllocator(StaticBlock* block) : MemoryAllocator(0, nullptr), block_(block) {}

    void* allocate(size_t size, size_t alignment = kDefaultAlignment) override {
        return block_->take_temporary(size, alignment);
    }
    void reset() override { block_->reset_temporary(); }

  private:
    StaticBlock* block_;
};

}  // namespace godot_executorch
