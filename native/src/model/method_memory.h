#pragma once

#include <executorch/runtime/core/hierarchical_allocator.h>
#include <executorch/runtime/executor/memory_manager.h>

#include <memory>
#include <optional>
#include <vector>

#include "model/memory.h"
#include "model/memory_pool.h"
#include "model/signature.h"

namespace godot_executorch {

/// Where a session's methods get their memory from.
struct MemorySource {
    MemoryPolicy policy = MemoryPolicy::Auto;
    StaticBlock* block = nullptr;  // STATIC
    MemoryPool* pool = nullptr;    // CUSTOM
};

/// Those stretches of planned memory that hold more than zeros. Most of a model with a dynamic batch is never written.
struct PlannedStretch {
    size_t offset = 0;
    std::vector<uint8_t> bytes;
};
using PlannedCopy = std::vector<PlannedStretch>;

/// The allocators and planned buffers of one loaded method. Must outlive the method.
class MethodMemory {
  public:
    explicit MethodMemory(const MemorySource& source) : source_(source) {}
    ~MethodMemory();
    MethodMemory(const MethodMemory&) = delete;
    MethodMemory& operator=(const MethodMemory&) = delete;

    /// Takes the planned buffers. Models with state stay out of a shared pool.
    Status plan(const MethodSignature& signature);
    executorch::runtime::MemoryManager* manager() { return &*manager_; }
    void* allocate(size_t size) { return method_allocator_->allocate(size, kMemoryAlignment); }

    /// Keeps what the planned buffers hold now as the initial state.
    void capture_initial_state();
    /// Puts the initial state back; everything else becomes zero.
    void restore_initial_state();
    /// A copy of the planned buffers, and back.
    PlannedCopy copy_planned() const;
    void restore_planned(const PlannedCopy& copy);

    bool uses_pool() const { return pooled_bytes_ > 0; }
    size_t planned_bytes() const { return planned_bytes_; }
    size_t method_used() const;
    size_t method_peak() const;
    /// Heap or block bytes that the method allocator holds.
    size_t method_capacity() const;
    size_t temporary_peak() const;
    size_t temporary_capacity() const;
    /// Bytes that did not fit into the static block.
    size_t shortage() const;

  private:
    MemorySource source_;
    Pages pages_;
    size_t planned_bytes_ = 0;
    size_t pooled_bytes_ = 0;
    size_t planned_shortage_ = 0;
    std::vector<executorch::runtime::Span<uint8_t>> buffers_;
    uint8_t* base_ = nullptr;  // of the buffers, which lie one behind the other
    PlannedCopy initial_;
    std::unique_ptr<executorch::runtime::MemoryAllocator> method_allocator_;
    std::unique_ptr<executorch::runtime::MemoryAllocator> temporary_allocator_;
    std::optional<executorch::runtime::HierarchicalAllocator> planned_;
    std::optional<executorch::runtime::MemoryManager> manager_;
};

}  // namespace godot_executorch
