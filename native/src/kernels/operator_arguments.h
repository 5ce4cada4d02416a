#pragma once

#include <executorch/runtime/core/exec_aten/util/tensor_util.h>
#include <executorch/runtime/kernel/kernel_runtime_context.h>
#include <executorch/runtime/kernel/operator_registry.h>

namespace godot_executorch::kernels {

/// An operator's values lie in the order of its schema: arguments, then results.
using Values = executorch::runtime::Span<executorch::runtime::EValue*>;

/// Whether the elements lie row by row without gaps; where there are none, strides say nothing.
inline bool is_contiguous(const executorch::aten::Tensor& tensor) {
    if (tensor.numel() == 0) {
        return true;
    }
    ssize_t stride = 1;
    for (ssize_t d = tensor.dim() - 1; d >= 0; --d) {
        if (tensor.size(d) != 1 && tensor.strides()[d] != stride) {
            return false;
        }
        stride *= tensor.size(d);
    }
    return true;
}

}  // namespace godot_executorch::kernels
