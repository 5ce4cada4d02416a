#pragma once

#include <cstdint>

#include "core/program/checks/flatbuffer_view.h"

namespace godot_executorch {

/// A value of a method: a tensor, a number, a list.
struct PlanValue {
    uint8_t type = 0;
    bool is_planned = false;
    bool has_initial_value = false;
    uint32_t buffer = 0;  // the planned buffer of a planned tensor, and its bytes there
    uint64_t begin = 0;
    uint64_t end = 0;
    FlatbufferTable table;
};

}  // namespace godot_executorch
