#include "model/call.h"

#include <utility>

#include "model/mapped_region.h"
#include "model/model.h"
#include "model/platform.h"
#include "model/ticks.h"

namespace godot_executorch {

Call::Call(Model& model) : model_(model), lock_(model.mutex_), pool_use_(std::in_place) {
}

Call::~Call() = default;

Status Call::begin(const std::string& method) {
    Status status = model_.ready_method(method, method_);
    return status.ok() ? lock_pool() : std::move(status);
}

Status Call::begin_forward() {
    if (model_.forward_ == nullptr || !model_.forward_->has_current_pool()) {
        return begin("forward");
    }
    method_ = model_.forward_;
    return lock_pool();
}

Status Call::lock_pool() {
    if (!method_->memory().uses_pool()) {
        return {};
    }
    pool_lock_ = std::unique_lock<std::mutex>(model_.pool_->mutex(), std::try_to_lock);
    if (pool_lock_.owns_lock()) {
        return {};
    }
    pool_use_.reset();
    pool_lock_.lock();
    pool_use_.emplace();
    const std::string name = method_->signature().name;
    return model_.ready_method(name, method_);  // the thread pool may be another one by now
}

Status Call::execute() {
    Tracer* tracer = model_.tracer_.get();
    if (tracer != nullptr) {
        const std::vector<std::string>& backends = method_->signature().backends;
        tracer->begin_call(method_->signature().name, backends.size() == 1 ? backends[0] : "delegate");
    }
    const int method_index = method_->signature().index;
    const int64_t start = now_ticks();
    Status status = guarded("running the method", [&] { return method_->execute(); });
    const int64_t duration = now_ticks() - start;
    if (status.ok() && MappedRegion::any_damaged() && model_.program_->is_damaged()) {
        status = Status(Code::FileChanged, "the mapped model file was cut short while it was in use");
    }
    const uint64_t sequence = model_.figures_.record(start, duration, method_index, status.code());
    if (tracer != nullptr) {
        tracer->end_call(sequence, start, duration);
    }
    if (status.code() == static_cast<int>(Code::FatalCheck)) {
        method_ = nullptr;
        model_.clear_locked();
    }
    return status;
}

void Call::refuse(int error) {
    model_.figures_.record(now_ticks(), 0, method_ != nullptr ? method_->signature().index : -1, error);
}

}  // namespace godot_executorch
