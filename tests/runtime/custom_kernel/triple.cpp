// The kernel library of test_custom_kernel.py: `custom::triple.out`, float32, out = FACTOR * in.
#include <executorch/extension/kernel_util/make_boxed_from_unboxed_functor.h>

namespace {

using executorch::aten::Tensor;
using executorch::runtime::KernelRuntimeContext;

Tensor& triple_out(KernelRuntimeContext&, const Tensor& in, Tensor& out) {
    const float* source = in.const_data_ptr<float>();
    float* target = out.mutable_data_ptr<float>();
    for (ssize_t i = 0; i < in.numel(); ++i) {
        target[i] = FACTOR * source[i];
    }
    return out;
}

}  // namespace

EXECUTORCH_LIBRARY(custom, "triple.out", triple_out);
