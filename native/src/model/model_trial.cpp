// Running a program that nobody vouches for in a child process, before this process runs it.

#include "model/child_trial.h"
#include "model/model.h"
#include "model/tried_files.h"

namespace godot_executorch {
namespace {

/// Zeros, or numbers that differ from each other: some damage shows only with the second.
std::vector<uint8_t> make_elements(const ValueSpec& spec, bool varied) {
    // At least one byte, so that there is an address.
    std::vector<uint8_t> elements(spec.element_count * dtype_size(spec.dtype) + 1);
    if (varied) {
        std::vector<float> numbers(spec.element_count);
        uint32_t state = 1;
        for (float& number : numbers) {
            state = state * 1664525 + 1013904223;  // Numerical Recipes' generator
            // Floats between -4 and 4; integers are often indices, for which 0 and 1 are safe.
            number = is_floating(spec.dtype) ? static_cast<float>(static_cast<int32_t>(state)) / (1 << 29)
                                             : static_cast<float>(state >> 31);
        }
        const Status always_fits =
            convert_elements(numbers.data(), Dtype::Float, elements.data(), spec.dtype, numbers.size());
    }
    return elements;
}

Status run_method(Call& call, const std::string& name, bool varied) {
    Status status = call.begin(name);
    if (!status.ok()) {
        return status;
    }
    std::vector<std::vector<uint8_t>> inputs;  // the method reads them when it runs
    for (size_t i = 0; i < call.signature().inputs.size() && status.ok(); ++i) {
        const ValueSpec& spec = call.signature().inputs[i];
        if (!spec.is_tensor()) {
            return {};  // numbers are part of the program; there is nothing to try them with
        }
        inputs.push_back(make_elements(spec, varied));
        status = call.method().set_tensor(i, spec.shape, inputs.back().data());
    }
    // An error is no crash: these numbers may be no input for this model.
    const Status ignored = status.ok() ? call.execute() : std::move(status);
    return {};
}

Status to_status(const ChildResult& result, int seconds) {
    const std::string trial = " in a trial in a process of its own";
    switch (result.end) {
        case ChildEnd::Ran:
            return {};
        case ChildEnd::Refused:
            return Status(static_cast<Code>(result.code), result.detail, result.remedy);
        case ChildEnd::Crashed:
            return Status(Code::StructureInvalid, "it crashed" + trial + " (" + result.detail + ")");
        case ChildEnd::TookTooLong:
            return Status(Code::StructureInvalid, "it did not end within " + std::to_string(seconds) + " s" + trial,
                          "Raise executorch/runtime/trial_seconds if the model is good but slow.");
        default:
            return Status(Code::StructureInvalid, "a trial could not be started: " + result.detail,
                          "Give the file's SHA-256, or set executorch/runtime/trial_seconds to 0 to go without.");
    }
}

}  // namespace

Status Model::try_program(const std::shared_ptr<const LoadedProgram>& program, int seconds) {
    // The system's own reads go on in a fork; a stream of the caller's shares its position with ours.
    if (!program->is_readable_after_fork()) {
        return {};
    }
    const std::string identity = program->identity();
    if (was_tried(identity)) {
        return {};
    }
    const ChildResult result = run_in_child(seconds, [&]() -> Status {
        Model model;
        model.program_ = program;
        model.signatures_ = program->methods();
        model.level_ = OptimizationLevel::None;
        for (const MethodSignature& signature : program->methods()) {
            for (const bool varied : {false, true}) {
                Call call(model);
                Status status = run_method(call, signature.name, varied);
                if (!status.ok()) {
                    return status;
                }
            }
        }
        return {};
    });
    // A file that changed while it was tried has another identity now.
    if (result.end == ChildEnd::Ran && program->identity() == identity) {
        remember_tried(identity);
    }
    return to_status(result, seconds);
}

}  // namespace godot_executorch
