#pragma once

#include <executorch/runtime/core/portable_type/scalar_type.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/status.h"

namespace godot_executorch {

using Dtype = executorch::runtime::etensor::ScalarType;

/// The name of a dtype as the metadata spells it ("float32"), or "unknown".
const char* dtype_name(Dtype dtype);
std::optional<Dtype> dtype_from_name(std::string_view name);
/// Bytes of one element; 0 for a dtype that cannot be an input or output.
size_t dtype_size(Dtype dtype);
bool is_floating(Dtype dtype);

/// Converts `count` elements. Integers that `to` cannot hold, and fractions for an integer dtype, are
/// VALUE_OUT_OF_RANGE.
Status convert_elements(const void* from, Dtype from_dtype, void* to, Dtype to_dtype, size_t count);

}  // namespace godot_executorch
