#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

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

}  // namespace godot_executorch
