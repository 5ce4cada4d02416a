// Calls with tensors that own their elements, and sliced runs.

#include "core/session/session.h"
#include "core/tensor/layout.h"

namespace godot_executorch {

Status Session::forward(const std::vector<TensorValue>& inputs, std::vector<TensorValue>& outputs) {
    return execute("forward", inputs, outputs);
}

Status Session::execute(const std::string& method, const std::vector<TensorValue>& inputs,
                        std::vector<TensorValue>& outputs) {
    Call call(*this);
    Status status = call.begin(method);
    if (!status.ok()) {
        return status;
    }
    const std::vector<ValueSpec>& specs = call.signature().inputs;
    if (inputs.size() != specs.size()) {
        return Status(Code::WrongInputCount,
                      "expected " + std::to_string(specs.size()) + " inputs, got " + std::to_string(inputs.size()));
    }
    for (size_t i = 0; i < inputs.size() && status.ok(); ++i) {
        const TensorValue& input = inputs[i];
        if (input.dtype != specs[i].dtype) {
            return Status(Code::WrongDtype, specs[i].name + ": expected " + dtype_name(specs[i].dtype) + ", got " +
                                                dtype_name(input.dtype));
        }
        status = specs[i].check(input.shape);
        if (status.ok()) {
            status = call.method().set_tensor(i, input.shape, input.data.data());
        }
    }
    if (status.ok()) {
        status = call.execute();
    }
    outputs.clear();
    std::vector<uint8_t> scratch;
    for (size_t i = 0; status.ok() && i < call.signature().outputs.size(); ++i) {
        if (!call.output(i).isTensor()) {
            continue;
        }
        const executorch::runtime::etensor::Tensor& tensor = call.output(i).toTensor();
        TensorValue& value = outputs.emplace_back();
        value.dtype = tensor.scalar_type();
        value.shape = Shape::of(tensor.sizes().data(), tensor.sizes().size());
        const auto* data = static_cast<const uint8_t*>(contiguous_data(tensor, scratch));
        value.data.assign(data, data + tensor.nbytes());
    }
    return status;
}

void Session::advance(const std::shared_ptr<SlicedRun>& run, std::chrono::nanoseconds budget) {
    const Call::Deadline deadline = std::chrono::steady_clock::now() + budget;
    Call call(*this, *run);
    call.advance(run, deadline);
}

}  // namespace godot_executorch
