#pragma once

#include <executorch/runtime/core/tag.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace godot_executorch {

/// An input or output: what the program says, refined by the metadata.
struct ValueSpec {
    std::string name;
    executorch::runtime::Tag tag = executorch::runtime::Tag::None;
    Dtype dtype = Dtype::Undefined;
    Shape shape;  // upper bounds
    std::array<int32_t, kMaximumRank> minimum = {};
    bool is_planned = true;
    bool is_dynamic = false;  // known once the method is loaded
    bool has_ranges = false;  // minimum comes from the metadata
    std::vector<uint8_t> dim_order;
    std::vector<std::string> size_names;  // of the dimensions, from the metadata: equal names are equal sizes
    size_t element_count = 0;             // at the upper bounds

    bool is_tensor() const { return tag == executorch::runtime::Tag::Tensor; }
    bool is_contiguous() const;
    /// float32[1..8,3]
    std::string text() const;
    /// Checks rank and every dimension against the ranges.
    Status check(const Shape& given) const;
    /// The one shape that `count` elements can have; WRONG_SHAPE when there is none, or more than one.
    Status infer_shape(size_t count, Shape& result) const;

  private:
    void find_shapes(size_t count, size_t dimension, Shape& shape_so_far, std::vector<Shape>& found) const;
};

/// What the metadata knows beside the program: an empty name, shape, ranges or size_names mean unknown.
struct ValueHint {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
    std::vector<std::pair<int64_t, int64_t>> ranges;
    std::vector<std::string> size_names = {};
};

/// Puts names and ranges into the specs; an error when they contradict the program.
Status apply_hints(const std::vector<ValueHint>& hints, const char* what, std::vector<ValueSpec>& specs);

}  // namespace godot_executorch
