#pragma once

#include <executorch/runtime/core/memory_allocator.h>

#include <utility>

namespace godot_executorch {

/// Stands for the method allocators of all sessions of a program: XNNPACK gives methods that name the same allocator
/// one workspace. What it allocates comes from the allocator that the thread has chosen.
class ProgramAllocator final : public executorch::runtime::MemoryAllocator {
  public:
    ProgramAllocator() : MemoryAllocator(0, nullptr) {}

    void* allocate(size_t size, size_t alignment = kDefaultAlignment) override {
        return chosen != nullptr ? chosen->allocate(size, alignment) : nullptr;
    }

    /// Chooses an allocator for this thread, for as long as it lives.
    class Choice {
      public:
        explicit Choice(executorch::runtime::MemoryAllocator& allocator) : before_(std::exchange(chosen, &allocator)) {}
        ~Choice() { chosen = before_; }
        Choice(const Choice&) = delete;
        Choice& operator=(const Choice&) = delete;

      private:
        executorch::runtime::MemoryAllocator* before_;
    };

  private:
    inline static thread_local executorch::runtime::MemoryAllocator* chosen = nullptr;
};

}  // namespace godot_executorch
