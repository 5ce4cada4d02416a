#include "core/vision/characters.h"

#include <cmath>
#include <limits>
#include <string>

namespace godot_executorch::vision {
namespace {

constexpr size_t kMostClasses = size_t{1} << 20;

float probability(const float* scores, size_t classes, float best, Activation activation) {
    if (activation == Activation::None) {
        return best;
    }
    if (activation == Activation::Sigmoid) {
        return 1.0F / (1.0F + std::exp(-best));
    }
    float sum = 0;
    for (size_t i = 0; i < classes; ++i) {
        sum += std::isnan(scores[i]) ? 0.0F : std::exp(scores[i] - best);
    }
    return 1.0F / sum;
}

}  // namespace

Status read_characters(const Values& values, size_t classes, size_t blank, Activation activation,
                       std::vector<Character>& found) {
    if (classes < 2 || classes > kMostClasses || blank >= classes || values.count % classes != 0) {
        return Status(Code::WrongShape,
                      "expected a score of each of " + std::to_string(classes) + " characters for each step, got " +
                          std::to_string(values.count) + " values",
                      "Correct the characters in the task card.");
    }
    found.clear();
    size_t before = blank;
    for (size_t step = 0; step < values.count / classes; ++step) {
        const float* scores = values.data + step * classes;
        size_t label = blank;
        float best = -std::numeric_limits<float>::infinity();
        for (size_t i = 0; i < classes; ++i) {
            if (scores[i] > best) {
                best = scores[i];
                label = i;
            }
        }
        if (label != blank && label != before) {
            found.push_back({static_cast<int32_t>(label), probability(scores, classes, best, activation)});
        }
        before = label;
    }
    return {};
}

}  // namespace godot_executorch::vision
