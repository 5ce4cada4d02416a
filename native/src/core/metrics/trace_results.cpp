#include "core/metrics/trace_results.h"

#include <algorithm>
#include <utility>

namespace godot_executorch {

void TraceResults::add(TracedCall call) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const TracedEvent& event : call.events) {
        OperatorTotal& total = totals_[{event.depth, event.name, event.backend}];
        if (total.calls == 0) {
            total.name = event.name;
            total.backend = event.backend;
            total.depth = event.depth;
            total.min_us = event.duration_us;
        }
        ++total.calls;
        total.total_us += event.duration_us;
        total.min_us = std::min(total.min_us, event.duration_us);
        total.max_us = std::max(total.max_us, event.duration_us);
    }
    calls_.push_back(std::move(call));
    if (calls_.size() > kCalls) {
        calls_.pop_front();
    }
}

void TraceResults::add_allocation(const std::string& allocator, size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    allocations_[allocator] += bytes;
}

Profile TraceResults::profile() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    Profile profile;
    profile.calls.assign(calls_.begin(), calls_.end());
    for (const auto& [key, total] : totals_) {
        profile.operators.push_back(total);
    }
    profile.allocations = allocations_;
    return profile;
}

}  // namespace godot_executorch
