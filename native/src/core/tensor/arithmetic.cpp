#include "core/tensor/arithmetic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace godot_executorch {
namespace {

float rank_of(float value) {
    return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
}

}  // namespace

std::vector<int64_t> argmax(const float* values, size_t count, size_t row) {
    std::vector<int64_t> result;
    for (size_t first = 0; row > 0 && first + row <= count; first += row) {
        size_t best = 0;
        for (size_t i = 1; i < row; ++i) {
            best = rank_of(values[first + i]) > rank_of(values[first + best]) ? i : best;
        }
        result.push_back(static_cast<int64_t>(best));
    }
    return result;
}

void softmax(float* values, size_t count, size_t row) {
    for (size_t first = 0; row > 0 && first + row <= count; first += row) {
        float* begin = values + first;
        const float largest = *std::max_element(begin, begin + row);
        double sum = 0;
        for (size_t i = 0; i < row; ++i) {
            begin[i] = std::exp(begin[i] - largest);
            sum += static_cast<double>(begin[i]);
        }
        for (size_t i = 0; i < row; ++i) {
            begin[i] = static_cast<float>(static_cast<double>(begin[i]) / sum);
        }
    }
}

std::vector<int64_t> topk(const float* values, size_t count, size_t k) {
    std::vector<int64_t> order(count);
    std::iota(order.begin(), order.end(), int64_t{0});
    k = std::min(k, count);
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(k), order.end(), [&](int64_t a, int64_t b) {
        const float left = rank_of(values[a]);
        const float right = rank_of(values[b]);
        return left > right || (left == right && a < b);
    });
    order.resize(k);
    return order;
}

void channels_last(const float* from, float* to, size_t channels, size_t positions) {
    for (size_t c = 0; c < channels; ++c) {
        for (size_t p = 0; p < positions; ++p) {
            to[p * channels + c] = from[c * positions + p];
        }
    }
}

void channels_first(const float* from, float* to, size_t channels, size_t positions) {
    channels_last(from, to, positions, channels);
}

}  // namespace godot_executorch
