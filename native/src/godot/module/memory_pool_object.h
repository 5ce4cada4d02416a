#pragma once

#include <memory>

#include "core/memory/memory_pool.h"
#include "godot/binding/binding.h"

namespace godot_executorch::godot {

/// A MemoryPool that GDScript hands to several modules (set_memory_pool).
class ExecuTorchMemoryPool {
  public:
    static constexpr const char* kName = "ExecuTorchMemoryPool";
    static void bind();

    explicit ExecuTorchMemoryPool(GDExtensionObjectPtr) : pool_(std::make_shared<MemoryPool>()) {}

    /// Bytes; 0 = as much as the models need. Before the first model joins.
    bool set_limit(int64_t bytes);
    /// {limit, size, demand, saved, models} bytes.
    Dictionary get_info() const;
    const std::shared_ptr<MemoryPool>& pool() const { return pool_; }

  private:
    const std::shared_ptr<MemoryPool> pool_;
};

}  // namespace godot_executorch::godot
