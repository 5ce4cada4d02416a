#pragma once

#include <cstdint>

namespace godot_executorch::kernels {

/// Rows that are each moved to a mean of zero and a variance of one, float32.
struct LayerNormCall {
    int64_t rows = 0;
    int64_t size = 0;  // of one row
    const float* input = nullptr;
    const float* weight = nullptr;  // [size], or null for ones
    const float* bias = nullptr;    // [size], or null for zeros
    float epsilon = 0.0F;
    float* output = nullptr;
};

using LayerNorm = void (*)(const LayerNormCall& call);

// One for each instruction set.
void layer_norm_baseline(const LayerNormCall& call);
void layer_norm_avx2(const LayerNormCall& call);
void layer_norm_avx512(const LayerNormCall& call);

}  // namespace godot_executorch::kernels
