#include "core/tensor/value_spec.h"

#include <algorithm>

namespace godot_executorch {

bool ValueSpec::is_contiguous() const {
    for (size_t i = 0; i < dim_order.size(); ++i) {
        if (dim_order[i] != i) {
            return false;
        }
    }
    return true;
}

std::string ValueSpec::text() const {
    std::string result = std::string(dtype_name(dtype)) + "[";
    for (size_t i = 0; i < shape.rank; ++i) {
        result += i > 0 ? "," : "";
        if (minimum[i] != shape.sizes[i]) {
            result += std::to_string(minimum[i]) + "..";
        }
        result += std::to_string(shape.sizes[i]);
    }
    return result + "]";
}

Status ValueSpec::check(const Shape& given) const {
    const auto mismatch = [&](const std::string& where) {
        return Status(Code::WrongShape, name + ": expected " + text() + ", got " + given.text() + where);
    };
    if (given.rank != shape.rank) {
        return mismatch(" (" + std::to_string(given.rank) + " dimensions instead of " + std::to_string(shape.rank) +
                        ")");
    }
    for (size_t i = 0; i < given.rank; ++i) {
        if (given.sizes[i] < minimum[i] || given.sizes[i] > shape.sizes[i]) {
            return mismatch(" (dimension " + std::to_string(i) + ")");
        }
    }
    return {};
}

/// Adds shapes with `count` elements whose dimensions from `dimension` on are open, two at most.
void ValueSpec::find_shapes(size_t count, size_t dimension, Shape& shape_so_far, std::vector<Shape>& found) const {
    if (dimension == shape.rank) {
        if (count == 1) {
            found.push_back(shape_so_far);
        }
        return;
    }
    const auto low = static_cast<size_t>(std::max(minimum[dimension], 1));
    const auto high = static_cast<size_t>(std::max(shape.sizes[dimension], 0));
    for (size_t size = low; size <= std::min(high, count) && found.size() < 2; ++size) {
        if (count % size == 0) {
            shape_so_far.sizes[dimension] = static_cast<int32_t>(size);
            find_shapes(count / size, dimension + 1, shape_so_far, found);
        }
    }
}

Status ValueSpec::infer_shape(size_t count, Shape& result) const {
    result = shape;
    if (count == element_count) {
        return {};  // the largest shape, and no other has as many
    }
    size_t fixed = 1;
    size_t open = 0;
    size_t open_count = 0;
    for (size_t i = 0; i < shape.rank; ++i) {
        if (minimum[i] == shape.sizes[i]) {
            fixed *= static_cast<size_t>(shape.sizes[i]);
        } else {
            open = i;
            ++open_count;
        }
    }
    if (open_count == 1 && fixed > 0 && count % fixed == 0 && count / fixed <= static_cast<size_t>(shape.sizes[open])) {
        result.sizes[open] = static_cast<int32_t>(count / fixed);
        return check(result);
    }
    std::vector<Shape> possible;
    if (open_count > 1 && count > 0) {
        find_shapes(count, 0, result, possible);
    }
    if (possible.size() == 1) {
        result = possible[0];
        return {};
    }
    std::string cause = name + ": expected " + text() + " (";
    cause += open_count == 0 ? std::to_string(element_count) + " values)"
                             : "up to " + std::to_string(element_count) + " values)";
    cause += ", got " + std::to_string(count) + " values";
    if (possible.size() > 1) {
        return Status(Code::WrongShape,
                      cause + " without a shape, which may be " + possible[0].text() + " or " + possible[1].text(),
                      "Give {\"data\": ..., \"shape\": [...]}, an ExecuTorchTensor, or nested Arrays.");
    }
    return Status(Code::WrongShape, cause);
}

Status apply_hints(const std::vector<ValueHint>& hints, const char* what, std::vector<ValueSpec>& specs) {
    if (hints.size() != specs.size()) {
        return Status(Code::WrongInputCount, std::string("the program has ") + std::to_string(specs.size()) + " " +
                                                 what + "s, the metadata " + std::to_string(hints.size()));
    }
    for (size_t i = 0; i < hints.size(); ++i) {
        const ValueHint& hint = hints[i];
        ValueSpec& spec = specs[i];
        const std::string name = hint.name.empty() ? spec.name : hint.name;
        if (!hint.dtype.empty() && spec.is_tensor() && hint.dtype != dtype_name(spec.dtype)) {
            return Status(Code::WrongDtype,
                          name + ": the program has " + dtype_name(spec.dtype) + ", the metadata " + hint.dtype);
        }
        std::array<int32_t, kMaximumRank> minimum = spec.minimum;
        if (!hint.ranges.empty() && hint.ranges.size() != spec.shape.rank) {
            return Status(Code::WrongShape, name + ": the program has " + std::to_string(spec.shape.rank) +
                                                " dimensions, the metadata " + std::to_string(hint.ranges.size()));
        }
        for (size_t d = 0; d < hint.ranges.size(); ++d) {
            const auto [low, high] = hint.ranges[d];
            // A program may take more than was asked for: the importer leaves room above the range of a convolution.
            if (low < 0 || low > high || high > spec.shape.sizes[d]) {
                return Status(Code::WrongShape, name + ": dimension " + std::to_string(d) + " is at most " +
                                                    std::to_string(spec.shape.sizes[d]) + " in the program, " +
                                                    std::to_string(low) + ".." + std::to_string(high) +
                                                    " in the metadata");
            }
            minimum[d] = static_cast<int32_t>(low);
        }
        spec.minimum = minimum;
        spec.has_ranges = !hint.ranges.empty();
        spec.size_names = hint.size_names.size() == spec.shape.rank ? hint.size_names : std::vector<std::string>();
        spec.name = name;
    }
    return {};
}

}  // namespace godot_executorch
