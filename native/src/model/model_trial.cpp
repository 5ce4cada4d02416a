// Running a program that nobody vouches for in a child process, before this process runs it.

#include <algorithm>

#include "model/child_trial.h"
#include "model/model.h"
#include "model/tried_files.h"

namespace godot_executorch {
namespace {

Status run_method(Call& call, const std::string& name) {
    Status status = call.begin(name);
    if (!status.ok()) {
        return status;
    }
    size_t largest = 0;
    for (const ValueSpec& spec : call.signature().inputs) {
        largest = std::max(largest, spec.element_count * dtype_size(spec.dtype));
    }
    const std::vector<uint8_t> zeros(largest + 1);
    for (size_t i = 0; i < call.signature().inputs.size() && status.ok(); ++i) {
        const ValueSpec& spec = call.signature().inputs[i];
        if (!spec.is_tensor()) {
            return {};  // numbers are part of the program; there is nothing to try them with
        }
        status = call.method().set_tensor(i, spec.shape, zeros.data());
    }
    // An error is no crash: zeros may be no input for this model.
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
    if (!program->is_readable_after_fork() || was_tried(program->identity())) {
        return {};
    }
    const ChildResult result = run_in_child(seconds, [&]() -> Status {
        Model model;
        model.program_ = program;
        model.signatures_ = program->methods();
        model.level_ = OptimizationLevel::None;
        for (const MethodSignature& signature : program->methods()) {
            Call call(model);
            Status status = run_method(call, signature.name);
            if (!status.ok()) {
                return status;
            }
        }
        return {};
    });
    if (result.end == ChildEnd::Ran) {
        remember_tried(program->identity());
    }
    return to_status(result, seconds);
}

}  // namespace godot_executorch
