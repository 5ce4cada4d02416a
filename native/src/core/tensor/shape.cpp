#include "core/tensor/shape.h"

#include <algorithm>

namespace godot_executorch {

Shape Shape::of(const int32_t* sizes, size_t rank) {
    Shape shape;
    shape.rank = std::min(rank, kMaximumRank);
    std::copy_n(sizes, shape.rank, shape.sizes.begin());
    return shape;
}

size_t Shape::element_count() const {
    size_t count = 1;
    for (size_t i = 0; i < rank; ++i) {
        count *= static_cast<size_t>(sizes[i]);
    }
    return count;
}

bool Shape::operator==(const Shape& other) const {
    return rank == other.rank && std::equal(sizes.begin(), sizes.begin() + rank, other.sizes.begin());
}

std::string Shape::text() const {
    std::string result = "[";
    for (size_t i = 0; i < rank; ++i) {
        result += (i > 0 ? "," : "") + std::to_string(sizes[i]);
    }
    return result + "]";
}

}  // namespace godot_executorch
