#include <algorithm>

#include "godot/module/executorch_module.h"

namespace godot_executorch::godot {
namespace {

constexpr int64_t kMostCalls = 1 << 16;
/// Recording ends when the copies take more than this.
constexpr size_t kMostBytes = 64U << 20U;

size_t bytes_of(const executorch::runtime::EValue& value) {
    return value.isTensor() ? value.toTensor().nbytes() : sizeof(double);
}

}  // namespace

void ExecuTorchModule::record_inputs(int64_t calls) {
    const std::lock_guard<std::mutex> lock(recorded_mutex_);
    recorded_ = Array();
    recorded_bytes_ = 0;
    to_record_ = std::clamp<int64_t>(calls, 0, kMostCalls);
}

Array ExecuTorchModule::take_recorded_inputs() {
    const std::lock_guard<std::mutex> lock(recorded_mutex_);
    Array taken = recorded_;
    recorded_ = Array();
    recorded_bytes_ = 0;
    return taken;
}

void ExecuTorchModule::note_inputs(Call& call) {
    if (to_record_.load(std::memory_order_relaxed) <= 0) {
        return;
    }
    const std::lock_guard<std::mutex> lock(recorded_mutex_);
    std::vector<uint8_t>& scratch = CallBuffers::of(call).scratch;
    Array inputs;
    for (size_t i = 0; i < call.signature().inputs.size(); ++i) {
        const executorch::runtime::EValue& value = call.method().input(i);
        recorded_bytes_ += bytes_of(value);
        inputs.append(value.isTensor() ? Variant(to_godot_tensor(value, scratch)) : to_godot(value, scratch));
    }
    if (to_record_ <= 0 || recorded_bytes_ > kMostBytes) {
        to_record_ = 0;
        return;
    }
    Dictionary entry;
    entry["method"] = call.signature().name;
    entry["inputs"] = inputs;
    recorded_.append(entry);
    --to_record_;
}

}  // namespace godot_executorch::godot
