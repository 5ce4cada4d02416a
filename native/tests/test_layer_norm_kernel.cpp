// Every variant of the kernel of layer normalization against a plain loop in double precision, for sizes that fill
// vectors and do not.

#include <cmath>
#include <random>
#include <vector>

#include "doctest/doctest.h"
#include "kernels/instruction_set.h"
#include "kernels/layer_norm.h"

using namespace godot_executorch::kernels;

namespace {

std::vector<LayerNorm> variants() {
    std::vector<LayerNorm> found = {layer_norm_baseline};
#if defined(KERNELS_FOR_X86_64)
    if (instruction_set() != InstructionSet::kBaseline) {
        found.push_back(layer_norm_avx2);
    }
    if (instruction_set() == InstructionSet::kAvx512) {
        found.push_back(layer_norm_avx512);
    }
#endif
    return found;
}

std::vector<float> normal(int64_t count, float mean, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> made(mean, 2.0F);
    std::vector<float> values(count);
    for (float& value : values) {
        value = made(random);
    }
    return values;
}

}  // namespace

TEST_CASE("layer norm kernels compute what a plain loop does") {
    for (const LayerNorm run : variants()) {
        for (const int64_t size : {0, 1, 3, 4, 15, 16, 17, 31, 64, 65, 100, 192}) {
            for (const int64_t rows : {0, 1, 3}) {
                for (const bool affine : {false, true}) {
                    const std::vector<float> input = normal(rows * size, 20.0F, 1);
                    const std::vector<float> weight = normal(size, 1.0F, 2);
                    const std::vector<float> bias = normal(size, 0.0F, 3);
                    std::vector<float> output(rows * size);
                    LayerNormCall call;
                    call.rows = rows;
                    call.size = size;
                    call.input = input.data();
                    call.weight = affine ? weight.data() : nullptr;
                    call.bias = affine ? bias.data() : nullptr;
                    call.epsilon = 1e-5F;
                    call.output = output.data();
                    run(call);
                    CAPTURE(size);
                    for (int64_t row = 0; row < rows; ++row) {
                        double mean = 0;
                        double variance = 0;
                        for (int64_t i = 0; i < size; ++i) {
                            mean += input[row * size + i] / static_cast<double>(size);
                        }
                        for (int64_t i = 0; i < size; ++i) {
                            variance += std::pow(input[row * size + i] - mean, 2) / static_cast<double>(size);
                        }
                        for (int64_t i = 0; i < size; ++i) {
                            double expected = (input[row * size + i] - mean) / std::sqrt(variance + 1e-5);
                            expected = affine ? expected * weight[i] + bias[i] : expected;
                            REQUIRE(std::abs(output[row * size + i] - expected) < 1e-4);
                        }
                    }
                }
            }
        }
    }
}
