#include "core/trial/trial.h"

#include <cstdint>
#include <string>
#include <vector>

#include "core/method/loaded_method.h"
#include "core/runtime/guarded.h"
#include "core/trial/child_trial.h"
#include "core/trial/verdicts.h"

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

/// An error does not count as a crash: made-up numbers may be refused by this method.
void run_method(LoadedMethod& method, bool varied) {
    const Status ignored = guarded("running the method", [&] {
        std::vector<std::vector<uint8_t>> inputs;  // the method reads them when it runs
        const std::vector<ValueSpec>& specs = method.signature().inputs;
        for (size_t i = 0; i < specs.size(); ++i) {
            if (!specs[i].is_tensor()) {
                return Status();  // numbers are part of the program; there is nothing to try them with
            }
            inputs.push_back(make_elements(specs[i], varied));
            Status status = method.set_tensor(i, specs[i].shape, inputs.back().data());
            if (!status.ok()) {
                return status;
            }
        }
        return method.execute();
    });
}

Status run_all(const std::shared_ptr<const LoadedProgram>& program) {
    LoadSettings settings;
    settings.one_thread = true;
    settings.weights_key = program->weights_key();
    for (const MethodSignature& signature : program->methods()) {
        std::unique_ptr<LoadedMethod> method;
        Status status = LoadedMethod::load(program, signature, settings, method);
        if (!status.ok()) {
            return status;
        }
        for (const bool varied : {false, true}) {
            run_method(*method, varied);
        }
    }
    return {};
}

Status to_status(const ChildResult& result, int seconds) {
    const std::string trial = " in a trial in a process of its own";
    switch (result.end) {
        case ChildEnd::Ran:
            return {};
        case ChildEnd::Answered:
            return Status(static_cast<Code>(result.code), result.detail, result.remedy);
        case ChildEnd::Crashed:
            return Status(Code::StructureInvalid, "it crashed" + trial + " (" + result.detail + ")");
        case ChildEnd::TookTooLong:
            return Status(Code::StructureInvalid, "it did not end within " + std::to_string(seconds) + " s" + trial,
                          "If the model is good but slow, load it on a worker (forward_async), or raise "
                          "executorch/runtime/trial_seconds and trial_seconds_on_main_thread.");
        default:
            return Status(Code::StructureInvalid, "a trial could not be started: " + result.detail,
                          "Give the file's SHA-256, or set executorch/runtime/trial_seconds to 0 to go without.");
    }
}

}  // namespace

Status try_program(const std::shared_ptr<const LoadedProgram>& program, int seconds) {
    const std::string identity = program->identity();
    Status verdict;
    if (find_verdict(identity, seconds, verdict)) {
        return verdict;
    }
    // A file that has just changed, and bytes, go by their contents; so does the same file a little later.
    const std::string contents = identity.empty() || are_contents_known() ? program->contents() : "";
    if (find_verdict(contents, seconds, verdict)) {
        share_verdict(contents, identity);
        return verdict;
    }
    const ChildResult result = run_in_child(seconds, [&] { return run_all(program); });
    verdict = to_status(result, seconds);
    // A library that is loaded later brings operators and backends.
    const bool may_change = verdict.code() == static_cast<int>(Code::OperatorMissing) ||
                            verdict.code() == static_cast<int>(Code::BackendMissing);
    // What the verdict is of may have changed while it was tried.
    const bool is_same = identity.empty() ? program->contents() == contents : program->identity() == identity;
    if (result.end != ChildEnd::NotStarted && !may_change && is_same) {
        const bool depends_on_time = result.end == ChildEnd::TookTooLong;
        remember_verdict(identity.empty() ? contents : identity, depends_on_time ? seconds : 0, verdict);
    }
    return verdict;
}

}  // namespace godot_executorch
