// The operators `godot_executorch::lstm`, `gru` and `rnn` of importer/kernels/recurrent.py: arguments checked, results
// resized.

#include <executorch/runtime/kernel/thread_parallel_interface.h>

#include <algorithm>
#include <cstring>

#include "core/platform/exported.h"
#include "operator_arguments.h"
#include "recurrent.h"
#include "traced.h"

namespace godot_executorch::kernels {
namespace {

using executorch::aten::SizesType;
using executorch::aten::Tensor;
using executorch::ET_RUNTIME_NAMESPACE::KernelRuntimeContext;
using executorch::ET_RUNTIME_NAMESPACE::resize_tensor;
using executorch::runtime::Error;

bool is_float(const Tensor& tensor, ssize_t dimensions) {
    return tensor.scalar_type() == executorch::aten::ScalarType::Float && tensor.dim() == dimensions;
}

/// The shapes of a call, and whether they fit each other. Fills in what does not depend on the kind of layer.
bool prepare(const Tensor& gates, const Tensor& weight, const Tensor& hidden, int64_t gate_count, bool batch_first,
             bool reverse, Tensor& output, Tensor& last_hidden, RecurrentCall& call) {
    if (!is_float(gates, 3) || !is_float(weight, 3) || !is_float(hidden, 2) || !is_contiguous(gates) ||
        !is_contiguous(weight) || !is_contiguous(hidden)) {
        return false;
    }
    call.size = hidden.size(1);
    call.batch = gates.size(batch_first ? 0 : 1);
    call.steps = gates.size(batch_first ? 1 : 0);
    call.reverse = reverse;
    const int64_t columns = gate_count * call.size;
    if (gates.size(2) != columns || hidden.size(0) != call.batch || weight.size(1) != call.size ||
        weight.size(2) != kBlockColumns || weight.size(0) * kBlockColumns != padded_columns(columns)) {
        return false;
    }
    const SizesType rows[] = {static_cast<SizesType>(gates.size(0)), static_cast<SizesType>(gates.size(1)),
                              static_cast<SizesType>(call.size)};
    const SizesType state[] = {static_cast<SizesType>(call.batch), static_cast<SizesType>(call.size)};
    if (resize_tensor(output, {rows, 3}) != Error::Ok || resize_tensor(last_hidden, {state, 2}) != Error::Ok) {
        return false;
    }
    call.gates = gates.const_data_ptr<float>();
    call.gates_step = batch_first ? columns : call.batch * columns;
    call.gates_item = batch_first ? call.steps * columns : columns;
    call.weight = weight.const_data_ptr<float>();
    call.output = output.mutable_data_ptr<float>();
    call.output_step = batch_first ? call.size : call.batch * call.size;
    call.output_item = batch_first ? call.steps * call.size : call.size;
    call.hidden = last_hidden.mutable_data_ptr<float>();
    std::memmove(call.hidden, hidden.const_data_ptr<float>(), hidden.nbytes());
    return true;
}

// Below so many multiplications another thread takes longer to start than it saves.
constexpr int64_t kProductsOfAThread = 200000;

int64_t worthwhile_threads(int64_t products, int64_t parts) {
    const int64_t most = std::min(executorch::extension::get_thread_count(), parts);
    return std::max<int64_t>(1, std::min(most, products / kProductsOfAThread));
}

void over_threads(int64_t count, void (*part)(void* data, int64_t number), void* data) {
    executorch::extension::parallel_for(0, count, 1, [&](int64_t first, int64_t end) {
        for (int64_t number = first; number < end; ++number) {
            part(data, number);
        }
    });
}

/// Threads share the items of a batch, or the columns of one large item.
void run(KernelRuntimeContext& context, RecurrentCall& call, int64_t gate_count,
         void (*kernel)(const RecurrentCall&, Items)) {
    const int64_t columns = padded_columns(gate_count * call.size);
    const int64_t threads = worthwhile_threads(call.steps * call.batch * call.size * columns, call.batch);
    auto memory = context.allocate_temp(threads * kItemsAtOnce * columns * sizeof(float), 64);
    if (!memory.ok()) {
        context.fail(memory.error());
        return;
    }
    call.over_threads = over_threads;
    if (threads == 1) {
        call.threads_of_a_step = worthwhile_threads(call.size * columns, columns / kBlockColumns);
    }
    auto some = [&, floats = static_cast<float*>(memory.get())](int64_t first, int64_t end) {
        for (int64_t thread = first; thread < end; ++thread) {
            kernel(call, {call.batch * thread / threads, call.batch * (thread + 1) / threads,
                          floats + thread * kItemsAtOnce * columns});
        }
    };
    if (threads == 1) {
        some(0, 1);
    } else {
        executorch::extension::parallel_for(0, threads, 1, some);
    }
}

void lstm(KernelRuntimeContext& context, Values values) {
    const Tensor& hidden = values[2]->toTensor();
    const Tensor& cell = values[3]->toTensor();
    Tensor& last_cell = values[8]->toTensor();
    RecurrentCall call;
    const bool fits = is_float(cell, 2) && is_contiguous(cell) && cell.sizes() == hidden.sizes() &&
                      prepare(values[0]->toTensor(), values[1]->toTensor(), hidden, 4, values[4]->toBool(),
                              values[5]->toBool(), values[6]->toTensor(), values[7]->toTensor(), call) &&
                      resize_tensor(last_cell, hidden.sizes()) == Error::Ok;
    if (!fits) {
        context.fail(Error::InvalidArgument);
        return;
    }
    call.cell = last_cell.mutable_data_ptr<float>();
    std::memmove(call.cell, cell.const_data_ptr<float>(), cell.nbytes());
    run(context, call, 4, recurrent_kernels().lstm);
}

void gru(KernelRuntimeContext& context, Values values) {
    const Tensor& bias = values[2]->toTensor();
    RecurrentCall call;
    if (!is_float(bias, 1) ||
        !prepare(values[0]->toTensor(), values[1]->toTensor(), values[3]->toTensor(), 3, values[4]->toBool(),
                 values[5]->toBool(), values[6]->toTensor(), values[7]->toTensor(), call) ||
        bias.size(0) != 3 * call.size) {
        context.fail(Error::InvalidArgument);
        return;
    }
    call.bias = bias.const_data_ptr<float>();
    run(context, call, 3, recurrent_kernels().gru);
}

void rnn(KernelRuntimeContext& context, Values values) {
    RecurrentCall call;
    if (!prepare(values[0]->toTensor(), values[1]->toTensor(), values[2]->toTensor(), 1, values[4]->toBool(),
                 values[5]->toBool(), values[6]->toTensor(), values[7]->toTensor(), call)) {
        context.fail(Error::InvalidArgument);
        return;
    }
    run(context, call, 1, values[3]->toBool() ? recurrent_kernels().rnn_relu : recurrent_kernels().rnn_tanh);
}

// What the event tracer calls them.
constexpr char kLstmEvent[] = "native_call_lstm.out";
constexpr char kGruEvent[] = "native_call_gru.out";
constexpr char kRnnEvent[] = "native_call_rnn.out";

const executorch::runtime::Kernel kOperators[] = {
    executorch::runtime::Kernel("godot_executorch::lstm.out", traced<lstm, kLstmEvent, 9>),
    executorch::runtime::Kernel("godot_executorch::gru.out", traced<gru, kGruEvent, 8>),
    executorch::runtime::Kernel("godot_executorch::rnn.out", traced<rnn, kRnnEvent, 8>),
};

[[maybe_unused]] const Error kRegistered = executorch::runtime::register_kernels({kOperators, 3});

}  // namespace
}  // namespace godot_executorch::kernels

/// Which kernels this machine runs. A linker that drops libraries without a used symbol keeps this one by it.
extern "C" GODOT_EXECUTORCH_EXPORT const char* godot_executorch_kernels_instruction_set() {
    return godot_executorch::kernels::recurrent_kernels().instruction_set;
}
