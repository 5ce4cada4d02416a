#pragma once

#include <executorch/runtime/core/evalue.h>

#include <cstdint>
#include <vector>

#include "core/method/loaded_method.h"
#include "godot/binding/values.h"
#include "godot/conversion/result_arrays.h"

/// Between Godot's values and tensors; all of it is here.
namespace godot_executorch::godot {

/// Memory that converted inputs live in until the call is over; kept between calls.
using Staging = std::vector<std::vector<uint8_t>>;

/// Gives input `index` the value: a number, a (nested) Array, a packed array or {data, shape, dtype}.
Status to_tensor(LoadedMethod& method, size_t index, const Variant& value, Staging& staging);

/// Elements of `dtype` without a shape as input `index`.
Status to_tensor(LoadedMethod& method, size_t index, const void* data, Dtype dtype, size_t count, Staging& staging);

/// Exactly `count` elements of the spec's dtype, written to `target`.
Status to_elements(const ValueSpec& spec, const Variant& value, size_t count, void* target,
                   std::vector<uint8_t>& bytes);

/// A tensor becomes a packed array, a scalar a number, a string a String.
Variant to_godot(const executorch::runtime::EValue& value, std::vector<uint8_t>& scratch);

/// Puts the values of each of `rows` rows of a tensor (the whole value when it has no rows) into `places`; in kept
/// arrays, where there are some.
void to_godot_rows(const executorch::runtime::EValue& value, int64_t rows, std::vector<uint8_t>& scratch,
                   ResultArrays* kept, Variant* places);

/// {data, shape, dtype}; scalars have the shape [].
Dictionary to_godot_tensor(const executorch::runtime::EValue& value, std::vector<uint8_t>& scratch);

/// A PackedFloat32Array, whatever the dtype.
Variant to_godot_floats(const executorch::runtime::EValue& value, std::vector<uint8_t>& scratch, ResultArrays& kept);

Dictionary to_godot(const ValueSpec& spec);
Dictionary to_godot(const MethodSignature& signature);
Dictionary to_godot(const Failure& failure);
/// Entries of the metadata's inputs or outputs.
Status to_hints(const Array& entries, std::vector<ValueHint>& hints);

}  // namespace godot_executorch::godot
