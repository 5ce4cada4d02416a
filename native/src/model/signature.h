#pragma once

#include <executorch/runtime/core/tag.h>
#include <executorch/runtime/executor/method_meta.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/dtype.h"
#include "model/failure.h"

namespace godot_executorch {

constexpr size_t kMaximumRank = 16;  // ExecuTorch's kTensorDimensionLimit

/// Sizes of a tensor's dimensions, without a heap.
struct Shape {
    size_t rank = 0;
    std::array<int32_t, kMaximumRank> sizes = {};

    static Shape of(const int32_t* sizes, size_t rank);
    size_t element_count() const;
    bool operator==(const Shape& other) const;
    std::string text() const;
};

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
    size_t element_count = 0;  // at the upper bounds

    bool is_tensor() const { return tag == executorch::runtime::Tag::Tensor; }
    bool is_contiguous() const;
    /// float32[1..8,3]
    std::string text() const;
    /// Checks rank and every dimension against the ranges.
    Status check(const Shape& given) const;
    /// The shape that `count` elements without a shape can only have.
    Status infer_shape(size_t count, Shape& result) const;
};

struct MethodSignature {
    std::string name;
    int index = 0;  // in the program
    std::vector<ValueSpec> inputs;
    std::vector<ValueSpec> outputs;
    std::vector<int64_t> planned_memory;
    std::vector<std::string> backends;
    bool has_state = false;  // keeps values between calls
};

Status read_signature(const executorch::runtime::MethodMeta& meta, MethodSignature& signature);

/// What the metadata knows beside the program: an empty name, shape or ranges mean unknown.
struct ValueHint {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
    std::vector<std::pair<int64_t, int64_t>> ranges;
};

/// Puts names and ranges into the specs; an error when they contradict the program.
Status apply_hints(const std::vector<ValueHint>& hints, const char* what, std::vector<ValueSpec>& specs);

}  // namespace godot_executorch
