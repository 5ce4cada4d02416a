#include <algorithm>

#include "godot/conversion/batch.h"
#include "godot/module/executorch_module.h"

namespace godot_executorch::godot {

Status ExecuTorchModule::unknown_names(const MethodSignature& signature, const Dictionary& inputs) const {
    const auto quoted = [](const std::string& text) { return "\"" + text + "\""; };
    std::string expected;
    for (const ValueSpec& spec : signature.inputs) {
        expected += (expected.empty() ? "" : ", ") + quoted(spec.name) + ": " + spec.text();
    }
    std::string got;
    const Array keys = inputs.keys();
    for (int64_t i = 0; i < keys.size(); ++i) {
        const Variant& key = keys[i];
        got += got.empty() ? "" : ", ";
        got += key.type() == String::kType ? quoted(key.as<String>().utf8()) : quoted(converted<String>(key).utf8());
    }
    const bool missing = inputs.size() < static_cast<int64_t>(signature.inputs.size());
    return Status(missing ? Code::MissingInput : Code::UnknownInput, "expected {" + expected + "}, got {" + got + "}");
}

Status ExecuTorchModule::give_named(Call& call, const Dictionary& inputs) {
    CallBuffers& buffers = CallBuffers::of(call);
    const ValueNames& names = buffers.names_of(call.method());
    if (inputs.size() != static_cast<int64_t>(names.inputs.size())) {
        return unknown_names(call.signature(), inputs);
    }
    for (size_t i = 0; i < names.inputs.size(); ++i) {
        Variant value = inputs.get(names.inputs[i]);
        if (value.is_nil()) {
            value = inputs.get(names.aliases[i]);
        }
        if (value.is_nil()) {
            return unknown_names(call.signature(), inputs);
        }
        // The dictionary holds the value too, so memory behind `value` outlives this copy.
        Status status = to_tensor(call.method(), i, value, buffers.staging);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

Status ExecuTorchModule::give_positional(Call& call, const Array& inputs) {
    const size_t expected = call.signature().inputs.size();
    if (inputs.size() != static_cast<int64_t>(expected)) {
        return Status(Code::WrongInputCount,
                      "expected " + std::to_string(expected) + " inputs, got " + std::to_string(inputs.size()));
    }
    for (size_t i = 0; i < expected; ++i) {
        Status status = to_tensor(call.method(), i, inputs[static_cast<int64_t>(i)], CallBuffers::of(call).staging);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

void ExecuTorchModule::take_named(Call& call, Dictionary& outputs) {
    CallBuffers& buffers = CallBuffers::of(call);
    const ValueNames& names = buffers.names_of(call.method());
    for (size_t i = 0; i < names.outputs.size(); ++i) {
        outputs[names.outputs[i]] = to_godot(call.output(i), buffers.scratch);
    }
}

template <typename Give, typename Take>
void ExecuTorchModule::run(Call& call, Status begun, Give give, Take take) {
    Status status = begun.ok() ? give() : std::move(begun);
    if (!status.ok()) {
        call.refuse(status.code());
        keep_error(std::move(status));
        return;
    }
    note_inputs(call);
    if (keep_error(call.execute()) == 0) {
        take();
    }
}

Dictionary ExecuTorchModule::forward(const Dictionary& inputs) {
    Dictionary outputs;
    Call call(*session_);
    run(call, call.begin_forward(), [&] { return give_named(call, inputs); }, [&] { take_named(call, outputs); });
    return outputs;
}

Dictionary ExecuTorchModule::execute(const String& method, const Dictionary& inputs) {
    Dictionary outputs;
    Call call(*session_);
    run(call, call.begin(method.utf8()), [&] { return give_named(call, inputs); }, [&] { take_named(call, outputs); });
    return outputs;
}

Returned<PackedFloat32Array> ExecuTorchModule::forward_packed(const PackedFloat32Array& input) {
    Returned<PackedFloat32Array> output;
    Call call(*session_);
    const auto give = [&]() -> Status {
        const size_t inputs = call.signature().inputs.size();
        if (inputs != 1 || call.signature().outputs.empty()) {
            return Status(Code::WrongInputCount,
                          "forward_packed runs models with one input, this one has " + std::to_string(inputs),
                          "Use forward() or forward_array().");
        }
        const int64_t input_size = input.size();
        const auto count = static_cast<size_t>(input_size);
        const float* data = PackedFloat32Array::read(input.ptr(), input_size);
        const bool is_set =
            call.signature().inputs[0].dtype == Dtype::Float && call.method().set_same_shape(0, data, count);
        return is_set ? Status()
                      : to_tensor(call.method(), 0, data, Dtype::Float, count, CallBuffers::of(call).staging);
    };
    run(call, call.begin_forward(), give, [&] {
        CallBuffers& buffers = CallBuffers::of(call);
        output.variant = to_godot_floats(call.output(0), buffers.scratch, buffers.kept);
    });
    return output;
}

Array ExecuTorchModule::forward_array(const Array& inputs) {
    Array outputs;
    Call call(*session_);
    const auto take = [&] {
        const auto count = static_cast<int64_t>(call.signature().outputs.size());
        outputs = Array(count);
        for (int64_t i = 0; i < count; ++i) {
            outputs[i] = to_godot(call.output(static_cast<size_t>(i)), CallBuffers::of(call).scratch);
        }
    };
    run(call, call.begin_forward(), [&] { return give_positional(call, inputs); }, take);
    return outputs;
}

Array ExecuTorchModule::execute_tensors(const String& method, const Array& inputs) {
    Array outputs;
    Call call(*session_);
    const auto take = [&] {
        for (size_t i = 0; i < call.signature().outputs.size(); ++i) {
            outputs.append(to_godot_tensor(call.output(i), CallBuffers::of(call).scratch));
        }
    };
    run(call, call.begin(method.utf8()), [&] { return give_positional(call, inputs); }, take);
    return outputs;
}

Array ExecuTorchModule::forward_batch(const Array& rows) {
    Call call(*session_);
    Status status = call.begin_forward();
    const int64_t count = rows.size();
    Array results(count);
    for (int64_t first = 0; status.ok() && first < count;) {
        int64_t taken = 0;
        status = to_batch(call.method(), rows, first, taken, CallBuffers::of(call).staging);
        if (!status.ok()) {
            call.refuse(status.code());
            break;
        }
        note_inputs(call);
        status = call.execute();
        if (status.ok()) {
            CallBuffers& buffers = CallBuffers::of(call);
            from_batch(call.method(), taken, results.data() + first, buffers.scratch, buffers.kept);
        }
        first += taken;
    }
    return keep_error(std::move(status)) == 0 ? results : Array();
}

}  // namespace godot_executorch::godot
