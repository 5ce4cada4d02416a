// Calls that run a part of a sliced run, or its rest.

#include <utility>

#include "core/runtime/guarded.h"
#include "core/runtime/ticks.h"
#include "core/session/call.h"
#include "core/session/session.h"
#include "core/session/sliced_run.h"

namespace godot_executorch {

Call::Call(Session& session, const SlicedRun& run)
    : session_(session),
      waited_(run.version_ != nullptr ? run.version_ : session.current()),
      version_(waited_ != nullptr && waited_->mutex().try_lock() ? waited_.get() : nullptr) {
    if (version_ != nullptr) {
        thread_pool_use_.emplace();
    }
}

void Call::advance(const std::shared_ptr<SlicedRun>& run, Deadline deadline) {
    if (run->is_done() || (version_ == nullptr && waited_ != nullptr)) {
        return;  // another thread's call has run the rest, or is running
    }
    // Another run of this session that began earlier.
    const std::shared_ptr<SlicedRun> other = version_ != nullptr ? version_->sliced_run() : nullptr;
    if (other != nullptr && other != run) {
        advance(other, Deadline::max());
    }
    if (run->loaded_ == nullptr || !run->loaded_->is_valid()) {
        Status status = begin(run);
        if (!status.ok()) {
            refuse(status.code());
            end(*run, std::move(status));
            return;
        }
    }
    method_ = run->loaded_;
    bool has_ended = false;
    const int64_t start = now_ticks();
    Status status = guarded("running the method", [&] { return method_->advance(deadline, has_ended); });
    run->duration_ += now_ticks() - start;
    if (status.ok() && !has_ended) {
        return;
    }
    status = settle(std::move(status), run->start_, run->duration_);
    if (status.ok()) {
        run->take_(*this);
    }
    end(*run, std::move(status));
}

Status Call::begin(const std::shared_ptr<SlicedRun>& run) {
    Status status = begin(run->method_);
    if (status.ok() && method_->memory().uses_memory_pool()) {
        status = Status(Code::InvalidOption,
                        "the memory of method " + run->method_ + " is a pool's, which other models use between slices",
                        "Use the memory policy AUTO or STATIC.");
    }
    status = status.ok() ? run->give_(*this) : std::move(status);
    status = status.ok() ? method_->begin_slices() : std::move(status);
    if (!status.ok()) {
        return status;
    }
    if (run->version_ == nullptr) {
        run->version_ = waited_;
    }
    run->loaded_ = method_;
    run->start_ = now_ticks();
    version_->set_sliced_run(run);
    begin_trace();
    if (Tracer* tracer = version_->tracer()) {
        tracer->begin_slices();
    }
    return {};
}

void Call::end(SlicedRun& run, Status status) {
    if (version_ != nullptr) {
        version_->set_sliced_run(nullptr);
    }
    run.loaded_ = nullptr;
    run.status_ = std::move(status);
    run.is_done_.store(true, std::memory_order_release);
}

}  // namespace godot_executorch
