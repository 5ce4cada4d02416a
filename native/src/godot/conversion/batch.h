#pragma once

#include <cstdint>
#include <vector>

#include "godot/conversion/conversion.h"

/// Many independent rows through a model whose first dimension is the batch.
namespace godot_executorch::godot {

/// Gives the method as many rows from `first` on as its batch dimension takes. A row is one value for a model with one
/// input, else an Array of values.
Status to_batch(LoadedMethod& method, const Array& rows, int64_t first, int64_t& taken, Staging& staging);

/// Writes one result per row: the output's values, or an Array of them when there are several outputs.
void from_batch(const LoadedMethod& method, int64_t rows, Variant* results, std::vector<uint8_t>& scratch,
                ResultArrays& kept);

}  // namespace godot_executorch::godot
