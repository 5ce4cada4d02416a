// The operator `godot_executorch::layer_norm` of importer/kernels/layer_norm.py: arguments checked, result resized.
// ExecuTorch's own kernel is compiled without AVX and also writes the mean and the deviation of each row.

#include "instruction_set.h"
#include "layer_norm.h"
#include "operator_arguments.h"
#include "traced.h"

namespace godot_executorch::kernels {
namespace {

using executorch::aten::Tensor;
using executorch::ET_RUNTIME_NAMESPACE::KernelRuntimeContext;
using executorch::ET_RUNTIME_NAMESPACE::resize_tensor;
using executorch::runtime::Error;
using executorch::runtime::EValue;

bool is_float(const Tensor& tensor) {
    return tensor.scalar_type() == executorch::aten::ScalarType::Float && is_contiguous(tensor);
}

/// Null for none; false when it is no row of so many floats.
bool read_row(const EValue& value, int64_t size, const float*& row) {
    if (value.isNone()) {
        return true;
    }
    const Tensor& tensor = value.toTensor();
    row = is_float(tensor) && tensor.numel() == size ? tensor.const_data_ptr<float>() : nullptr;
    return row != nullptr || (size == 0 && tensor.numel() == 0);
}

LayerNorm fastest() {
#if defined(KERNELS_FOR_X86_64)
    switch (instruction_set()) {
        case InstructionSet::kAvx512:
            return layer_norm_avx512;
        case InstructionSet::kAvx2:
            return layer_norm_avx2;
        case InstructionSet::kBaseline:
            break;
    }
#endif
    return layer_norm_baseline;
}

void layer_norm(KernelRuntimeContext& context, Values values) {
    const Tensor& input = values[0]->toTensor();
    const int64_t dimensions = values[1]->toInt();
    Tensor& out = values[5]->toTensor();
    LayerNormCall call;
    bool fits = is_float(input) && dimensions >= 1 && dimensions <= input.dim() &&
                out.scalar_type() == executorch::aten::ScalarType::Float;
    if (fits) {
        call.rows = call.size = 1;
        for (ssize_t d = 0; d < input.dim(); ++d) {
            (d < input.dim() - dimensions ? call.rows : call.size) *= input.size(d);
        }
        fits = read_row(*values[2], call.size, call.weight) && read_row(*values[3], call.size, call.bias) &&
               resize_tensor(out, input.sizes()) == Error::Ok;
    }
    if (!fits) {
        context.fail(Error::InvalidArgument);
        return;
    }
    call.input = input.const_data_ptr<float>();
    call.epsilon = static_cast<float>(values[4]->toDouble());
    call.output = out.mutable_data_ptr<float>();
    fastest()(call);
}

constexpr char kEvent[] = "native_call_layer_norm.out";  // what the event tracer calls it

[[maybe_unused]] const Error kRegistered = executorch::runtime::register_kernel(
    executorch::runtime::Kernel("godot_executorch::layer_norm.out", traced<layer_norm, kEvent, 6>));

}  // namespace
}  // namespace godot_executorch::kernels
