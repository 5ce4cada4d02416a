// The kernel of layer normalization, compiled once for each instruction set: CMake defines VARIANT and the compiler's
// flags.

#include <cmath>

#include "layer_norm.h"
#include "vector_math.h"

namespace {

using godot_executorch::kernels::LayerNormCall;

constexpr int kSums = 4;  // that do not wait for each other
constexpr int64_t kStep = kSums * kLanes;

/// The sum of value(x) of a row; value takes a vector or a number.
template <typename Value>
float sum_of(const float* row, int64_t size, Value value) {
    Floats sums[kSums] = {};
    int64_t i = 0;
    for (; i + kStep <= size; i += kStep) {
        for (int s = 0; s < kSums; ++s) {
            sums[s] += value(load(row + i + s * kLanes));
        }
    }
    for (; i + kLanes <= size; i += kLanes) {
        sums[0] += value(load(row + i));
    }
    const Floats together = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float sum = 0.0F;
    for (int lane = 0; lane < kLanes; ++lane) {
        sum += together[lane];
    }
    for (; i < size; ++i) {
        sum += value(row[i]);
    }
    return sum;
}

/// Writes each element of a row as made(element, weight, bias).
template <typename Made>
void write_row(const LayerNormCall& call, const float* row, float* result, Made made) {
    int64_t i = 0;
    for (; i + kLanes <= call.size; i += kLanes) {
        const Floats weight = call.weight != nullptr ? load(call.weight + i) : all(1.0F);
        const Floats bias = call.bias != nullptr ? load(call.bias + i) : Floats{};
        store(result + i, made(load(row + i), weight, bias));
    }
    for (; i < call.size; ++i) {
        const float weight = call.weight != nullptr ? call.weight[i] : 1.0F;
        const float bias = call.bias != nullptr ? call.bias[i] : 0.0F;
        result[i] = made(row[i], weight, bias);
    }
}

}  // namespace

#define JOINED_NAME(first, second) first##second
#define JOINED(first, second) JOINED_NAME(first, second)

namespace godot_executorch::kernels {

void JOINED(layer_norm_, VARIANT)(const LayerNormCall& call) {
    const auto size = static_cast<float>(call.size);
    for (int64_t number = 0; number < call.rows; ++number) {
        const float* row = call.input + number * call.size;
        const float mean = sum_of(row, call.size, [](auto x) { return x; }) / size;
        // From the mean in a second pass: a difference of squares loses digits when the mean is large.
        const float variance = sum_of(row, call.size, [mean](auto x) { return (x - mean) * (x - mean); }) / size;
        const float factor = 1.0F / std::sqrt(variance + call.epsilon);
        write_row(call, row, call.output + number * call.size,
                  [mean, factor](auto x, auto weight, auto bias) { return (x - mean) * factor * weight + bias; });
    }
}

}  // namespace godot_executorch::kernels
