#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/program/signature.h"
#include "core/status.h"

namespace godot_executorch {

/// Two dimensions of inputs that have one size by the metadata: its name, and input and dimension of both.
struct EqualSizes {
    std::string name;
    size_t first_input, first_dimension, input, dimension;
};

std::vector<EqualSizes> find_equal_sizes(const MethodSignature& signature);

/// WRONG_SHAPE: the sizes that two inputs have in a call, with the inputs' names.
Status unequal_sizes(const EqualSizes& equal, const MethodSignature& signature, int32_t first, int32_t other);

}  // namespace godot_executorch
