#include "core/session/call.h"

#include <utility>

#include "core/runtime/guarded.h"
#include "core/runtime/ticks.h"
#include "core/session/session.h"
#include "core/session/sliced_run.h"

namespace godot_executorch {

Call::Call(Session& session) : session_(session), version_(session.enter(waited_)) {
    if (waited_ != nullptr) {
        version_->mutex().lock();
    }
    thread_pool_use_.emplace();
    if (version_ != nullptr && version_->has_sliced_run()) {
        if (const std::shared_ptr<SlicedRun> run = version_->sliced_run()) {
            advance(run, Deadline::max());
        }
        method_ = nullptr;
    }
}

Call::~Call() {
    memory_pool_lock_ = {};
    thread_pool_use_.reset();
    if (version_ != nullptr) {
        const bool is_retired = version_->is_retired();
        version_->mutex().unlock();
        if (is_retired) {
            session_.release_retired();
        }
    }
}

Status Call::begin(const std::string& method) {
    if (version_ == nullptr) {
        return Status(Code::NotLoaded, "no model is loaded");
    }
    Status status = version_->ready_method(method, method_);
    return status.ok() ? lock_memory_pool() : std::move(status);
}

Status Call::begin_forward() {
    method_ = version_ != nullptr ? version_->ready_forward() : nullptr;
    return method_ != nullptr ? lock_memory_pool() : begin("forward");
}

std::shared_ptr<void>& Call::attachment() {
    return version_->attachment();
}

Tracer* Call::tracer() const {
    return version_->tracer();
}

Status Call::lock_memory_pool() {
    if (!method_->memory().uses_memory_pool()) {
        return {};
    }
    memory_pool_lock_ = std::unique_lock<std::mutex>(version_->memory_pool()->mutex(), std::try_to_lock);
    if (memory_pool_lock_.owns_lock()) {
        return {};
    }
    thread_pool_use_.reset();
    memory_pool_lock_.lock();
    thread_pool_use_.emplace();
    const std::string name = method_->signature().name;
    return version_->ready_method(name, method_);  // the thread pool may be another one by now
}

Status Call::execute() {
    begin_trace();
    const int64_t start = now_ticks();
    Status status = guarded("running the method", [&] { return method_->execute(); });
    return settle(std::move(status), start, now_ticks() - start);
}

void Call::begin_trace() {
    if (Tracer* tracer = this->tracer()) {
        const std::vector<std::string>& backends = method_->signature().backends;
        tracer->begin_call(method_->signature().name, backends.size() == 1 ? backends[0] : "delegate");
    }
}

Status Call::settle(Status status, int64_t start, int64_t duration) {
    if (status.ok() && version_->program()->is_damaged_in_use()) {
        status = Status(Code::FileChanged, "the mapped model file was cut short while it was in use");
    }
    const uint64_t sequence = session_.metrics_.record(start, duration, method_->signature().index, status.code());
    if (Tracer* tracer = this->tracer()) {
        tracer->end_call(sequence, start, duration);
    }
    if (status.code() == static_cast<int>(Code::FatalCheck)) {
        method_ = nullptr;
        session_.give_up(*version_);
    }
    return status;
}

void Call::refuse(int error) {
    session_.metrics_.record(now_ticks(), 0, method_ != nullptr ? method_->signature().index : -1, error);
}

}  // namespace godot_executorch
