#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/status.h"
#include "core/vision/detection.h"

namespace godot_executorch::vision {

/// A class of the network that was read, and how sure the network is, 0 to 1.
struct Character {
    int32_t label = 0;
    float score = 0;
};

/// The best classes in the output of a network that was trained with connectionist temporal classification (Graves et
/// al., ICML 2006), [steps, classes]: the largest score of each step, without repetitions and blanks. NaN is never the
/// largest. Fails with WRONG_SHAPE when the values are not whole steps.
Status read_characters(const Values& values, size_t classes, size_t blank, Activation activation,
                       std::vector<Character>& found);

}  // namespace godot_executorch::vision
