#include "core/tensor/layout.h"

#include <cstring>

namespace godot_executorch {

void reorder(const uint8_t* from, uint8_t* to, const Shape& shape, const int32_t* strides, size_t size,
             bool to_layout) {
    std::array<int32_t, kMaximumRank> index = {};
    const size_t count = shape.element_count();
    for (size_t position = 0; position < count; ++position) {
        size_t offset = 0;
        for (size_t d = 0; d < shape.rank; ++d) {
            offset += static_cast<size_t>(index[d]) * static_cast<size_t>(strides[d]);
        }
        const size_t source = to_layout ? position : offset;
        const size_t target = to_layout ? offset : position;
        std::memcpy(to + target * size, from + source * size, size);
        for (size_t d = shape.rank; d-- > 0;) {
            if (++index[d] < shape.sizes[d]) {
                break;
            }
            index[d] = 0;
        }
    }
}

const void* contiguous_data(const executorch::runtime::etensor::Tensor& tensor, std::vector<uint8_t>& scratch) {
    const auto order = tensor.dim_order();
    bool contiguous = true;
    for (size_t i = 0; i < order.size(); ++i) {
        contiguous = contiguous && order[i] == i;
    }
    if (contiguous) {
        return tensor.const_data_ptr();
    }
    const Shape shape = Shape::of(tensor.sizes().data(), tensor.sizes().size());
    scratch.resize(tensor.nbytes());
    reorder(static_cast<const uint8_t*>(tensor.const_data_ptr()), scratch.data(), shape, tensor.strides().data(),
            static_cast<size_t>(tensor.element_size()), false);
    return scratch.data();
}

}  // namespace godot_executorch
