#pragma once

#include <executorch/runtime/core/exec_aten/exec_aten.h>

#include <cstdint>
#include <vector>

#include "core/tensor/shape.h"

namespace godot_executorch {

/// Copies between C order and a memory layout, whose `strides` count elements of `size` bytes.
void reorder(const uint8_t* from, uint8_t* to, const Shape& shape, const int32_t* strides, size_t size, bool to_layout);

/// A tensor's elements in C order; `scratch` is used when the model lays them out otherwise.
const void* contiguous_data(const executorch::runtime::etensor::Tensor& tensor, std::vector<uint8_t>& scratch);

}  // namespace godot_executorch
