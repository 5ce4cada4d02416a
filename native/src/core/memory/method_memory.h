#pragma once

#include <executorch/runtime/core/hierarchical_allocator.h>
#include <executorch/runtime/executor/memory_manager.h>

#include <memory>
#include <optional>
#include <vector>

#include "core/memory/memory_pool.h"
#include "core/memory/program_allocator.h"
#include "core/memory/session_limit.h"
#include "core/memory/static_block.h"
#include "core/status.h"

namespace godot_executorch {

enum class MemoryPolicy : int { Auto = 0, Static = 1, Custom = 2 };

/// Where a session's methods get their memory from.
struct MemorySource {
    MemoryPolicy policy = MemoryPolicy::Auto;
    StaticBlock* block = nullptr;           // STATIC
    MemoryPool* memory_pool = nullptr;      // CUSTOM
    SessionLimit limit;                     // what is left of the session's
    ProgramAllocator* shared_by = nullptr;  // methods with the same one share their delegates' workspace
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

    /// Takes planned buffers of these sizes. Methods with state stay out of a shared memory pool.
    Status plan(const std::vector<int64_t>& sizes, bool has_state);
    executorch::runtime::MemoryManager* manager() { return &*manager_; }
    /// What the manager allocates from while a method is loaded.
    executorch::runtime::MemoryAllocator& method_allocator() { return *method_allocator_; }
    /// After the load: refuses a method that is over the limit, and lets temporary memory take no more than is left.
    Status hold_to_limit();
    void* allocate(size_t size) { return method_allocator_->allocate(size, kMemoryAlignment); }

    /// Keeps what the planned buffers hold now as the initial state.
    void capture_initial_state();
    /// Puts the initial state back; everything else becomes zero.
    void restore_initial_state();
    /// A copy of the planned buffers, and back.
    PlannedCopy copy_planned() const;
    void restore_planned(const PlannedCopy& copy);

    bool uses_memory_pool() const { return pooled_bytes_ > 0; }
    /// False once another member brought the pool a larger block; the method is loaded again then.
    bool is_in_current_block() const { return !uses_memory_pool() || source_.memory_pool->is_current(base_); }
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
    /// The planned buffers; null when they do not fit.
    uint8_t* take_from_block();

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
