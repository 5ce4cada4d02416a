// Executing a method: as a whole, and some instructions at a time.

#include <executorch/extension/threadpool/threadpool_guard.h>

#include <algorithm>
#include <utility>

#include "core/method/loaded_method.h"

namespace godot_executorch {
namespace {

using executorch::extension::threadpool::NoThreadPoolGuard;
using executorch::runtime::Error;

// These are marked as experimental.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
Error step(executorch::runtime::Method& method) {
    return method.step();
}

Error reset(executorch::runtime::Method& method) {
    return method.reset_execution();
}

bool is_in_progress(const executorch::runtime::Method& method) {
    return method.in_progress();
}
#pragma GCC diagnostic pop

}  // namespace

Status LoadedMethod::check_equal_sizes() const {
    for (const EqualSizes& equal : equal_sizes_) {
        const int32_t first = inputs_[equal.first_input].shape.sizes[equal.first_dimension];
        const int32_t other = inputs_[equal.input].shape.sizes[equal.dimension];
        if (first != other) {
            return unequal_sizes(equal, signature_, first, other);
        }
    }
    return {};
}

Status LoadedMethod::execute() {
    Status sizes = check_equal_sizes();
    if (!sizes.ok()) {
        return sizes;
    }
    std::optional<NoThreadPoolGuard> serial;
    if (one_thread_) {
        serial.emplace();
    }
    const Error error = method_->execute();
    return error == Error::Ok ? Status() : Status(error, "cannot run " + signature_.name);
}

Status LoadedMethod::begin_slices() {
    step_ = 0;
    before_slices_ = signature_.has_state ? memory_.copy_planned() : PlannedCopy();
    return check_equal_sizes();
}

Status LoadedMethod::advance(Deadline deadline, bool& has_ended) {
    std::optional<NoThreadPoolGuard> serial;
    if (one_thread_) {
        serial.emplace();
    }
    is_unfinished_ = true;
    Deadline now = Deadline::clock::now();
    // Not in progress: the end was reached, and the next step says so.
    do {
        const Error error = step(*method_);
        has_ended = error == Error::EndOfMethod;
        if (has_ended) {
            is_unfinished_ = reset(*method_) != Error::Ok;
            return {};
        }
        if (error != Error::Ok) {
            return Status(error, "cannot run " + signature_.name);
        }
        const Deadline before = std::exchange(now, Deadline::clock::now());
        step_times_.resize(std::max(step_times_.size(), step_ + 1));
        step_times_[step_++] = now - before;
    } while (!is_in_progress(*method_) || fits(now, deadline));
    return {};
}

bool LoadedMethod::fits(Deadline now, Deadline deadline) const {
    const bool is_known = step_ < step_times_.size();
    return now < deadline && (!is_known || step_times_[step_] <= deadline - now);
}

PlannedCopy LoadedMethod::copy_planned() const {
    if (memory_.uses_memory_pool()) {
        return {};
    }
    return is_unfinished_ && signature_.has_state ? before_slices_ : memory_.copy_planned();
}

}  // namespace godot_executorch
