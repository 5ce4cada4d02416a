#include "model/figures.h"

namespace godot_executorch {

uint64_t Figures::record(int64_t start_ns, int64_t duration_ns, int method_index, int error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (error == 0) {
        statistics_.add(duration_ns);
    } else {
        statistics_.add_error();
    }
    log_.add({++sequence_, start_ns, duration_ns, method_index, error});
    return sequence_;
}

StatisticsReport Figures::report() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return statistics_.report();
}

void Figures::reset_statistics() {
    const std::lock_guard<std::mutex> lock(mutex_);
    statistics_.reset();
}

double Figures::last_us() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return statistics_.last_us();
}

void Figures::set_call_log(size_t capacity) {
    const std::lock_guard<std::mutex> lock(mutex_);
    log_.set_capacity(capacity);
}

std::vector<CallRecord> Figures::take_call_log() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return log_.take();
}

}  // namespace godot_executorch
