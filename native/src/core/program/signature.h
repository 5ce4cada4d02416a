#pragma once

#include <executorch/runtime/executor/method_meta.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"
#include "core/tensor/value_spec.h"

namespace godot_executorch {

struct MethodSignature {
    std::string name;
    int index = 0;  // in the program
    std::vector<ValueSpec> inputs;
    std::vector<ValueSpec> outputs;
    std::vector<int64_t> planned_memory;
    std::vector<std::string> backends;
    bool has_state = false;  // keeps values between calls
};

Status read_signature(const executorch::runtime::MethodMeta& meta, MethodSignature& signature);

}  // namespace godot_executorch
