#include "core/metrics/call_metrics.h"

#include <mutex>

namespace godot_executorch {

uint64_t CallMetrics::record(int64_t start, int64_t duration, int method_index, int error) {
    const std::lock_guard<SpinLock> lock(lock_);
    if (error == 0) {
        statistics_.add(duration);
    } else {
        statistics_.add_error();
    }
    log_.add({++sequence_, start, duration, method_index, error});
    return sequence_;
}

StatisticsReport CallMetrics::report() const {
    // Copied first: sorting under a spin lock would hold up a call.
    return snapshot().report();
}

Statistics CallMetrics::snapshot() const {
    const std::lock_guard<SpinLock> lock(lock_);
    return statistics_;
}

void CallMetrics::reset_statistics() {
    const std::lock_guard<SpinLock> lock(lock_);
    statistics_.reset();
}

double CallMetrics::last_us() const {
    const std::lock_guard<SpinLock> lock(lock_);
    return statistics_.last_us();
}

void CallMetrics::set_call_log(size_t capacity) {
    const std::lock_guard<SpinLock> lock(lock_);
    log_.set_capacity(capacity);
}

std::vector<CallRecord> CallMetrics::take_call_log() {
    const std::lock_guard<SpinLock> lock(lock_);
    return log_.take();
}

}  // namespace godot_executorch
