#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace godot_executorch {

/// Index of the largest value of each row; the first of equals. NaN counts as the smallest.
std::vector<int64_t> argmax(const float* values, size_t count, size_t row);
/// Softmax of each row, in place.
void softmax(float* values, size_t count, size_t row);
/// Indices of the `k` largest values, largest first.
std::vector<int64_t> topk(const float* values, size_t count, size_t k);
/// Swaps the order of [channels, positions] to [positions, channels], and back.
void channels_last(const float* from, float* to, size_t channels, size_t positions);
void channels_first(const float* from, float* to, size_t channels, size_t positions);

}  // namespace godot_executorch
