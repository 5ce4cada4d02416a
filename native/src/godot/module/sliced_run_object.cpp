#include "godot/module/sliced_run_object.h"

#include <algorithm>
#include <utility>

#include "core/session/sliced_run.h"
#include "godot/conversion/conversion.h"
#include "godot/module/executorch_module.h"

namespace godot_executorch::godot {
namespace {

constexpr double kLongestUs = 3600e6;

}  // namespace

ObjectRef ExecuTorchModule::begin_sliced(const String& method, const Dictionary& inputs) {
    // What a run uses is its own: another thread's call may be running its rest when the object goes.
    const auto outputs = std::make_shared<Dictionary>();
    const auto is_noted = std::make_shared<bool>(false);
    const auto give = [this, inputs, is_noted](Call& call) {
        Status status = give_named(call, inputs);
        if (status.ok() && !std::exchange(*is_noted, true)) {
            note_inputs(call);
        }
        return status;
    };
    const auto run =
        std::make_shared<SlicedRun>(method.utf8(), give, [this, outputs](Call& call) { take_named(call, *outputs); });
    const StringName name(ExecuTorchNativeSlicedRun::kName);
    void* instance = nullptr;
    ObjectRef made(create_object(name, create_instance<ExecuTorchNativeSlicedRun>, instance));
    static_cast<ExecuTorchNativeSlicedRun*>(instance)->begin(ObjectRef(object_), *session_, run, outputs);
    return made;
}

void ExecuTorchNativeSlicedRun::begin(ObjectRef module, Session& session, std::shared_ptr<SlicedRun> run,
                                      std::shared_ptr<Dictionary> outputs) {
    module_ = std::move(module);
    session_ = &session;
    run_ = std::move(run);
    outputs_ = std::move(outputs);
}

bool ExecuTorchNativeSlicedRun::advance(double budget_us) {
    if (run_ == nullptr) {
        return true;  // made by a script, not by begin_sliced()
    }
    // Not a number counts as 0.
    const double budget_ns = 1000.0 * (budget_us > 0.0 ? std::min(budget_us, kLongestUs) : 0.0);
    session_->advance(run_, std::chrono::nanoseconds(static_cast<int64_t>(budget_ns)));
    return run_->is_done();
}

Dictionary ExecuTorchNativeSlicedRun::get_outputs() const {
    return run_ != nullptr && run_->is_done() ? *outputs_ : Dictionary();
}

Dictionary ExecuTorchNativeSlicedRun::get_error() const {
    const bool has_failed = run_ != nullptr && run_->is_done() && !run_->status().ok();
    return has_failed ? to_godot(run_->status().failure()) : Dictionary();
}

void ExecuTorchNativeSlicedRun::bind() {
    ClassBinding<ExecuTorchNativeSlicedRun> bound(kName);
    bound.method({"advance", {"budget_us"}}, &ExecuTorchNativeSlicedRun::advance);
    bound.method({"get_outputs"}, &ExecuTorchNativeSlicedRun::get_outputs);
    bound.method({"get_error"}, &ExecuTorchNativeSlicedRun::get_error);
}

}  // namespace godot_executorch::godot
