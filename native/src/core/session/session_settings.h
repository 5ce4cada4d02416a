#pragma once

#include <cstddef>
#include <memory>

#include "core/memory/memory_pool.h"
#include "core/memory/method_memory.h"
#include "core/metrics/trace_results.h"

namespace godot_executorch {

enum class OptimizationLevel : int { None = 0, Basic = 1, Aggressive = 2 };

struct SessionSettings {
    MemoryPolicy policy = MemoryPolicy::Auto;
    size_t limit = 0;                         // bytes
    std::shared_ptr<MemoryPool> memory_pool;  // the one that was given
    std::shared_ptr<MemoryPool> own_pool;     // CUSTOM without a given one
    OptimizationLevel level = OptimizationLevel::Basic;
    std::shared_ptr<TraceResults> trace;  // while profiling is on
};

}  // namespace godot_executorch
