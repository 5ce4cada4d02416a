#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace godot_executorch {

/// A tensor that owns its elements, for callers outside Godot.
struct TensorValue {
    Dtype dtype = Dtype::Float;
    Shape shape;
    std::vector<uint8_t> data;
};

}  // namespace godot_executorch
