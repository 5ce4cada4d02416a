#include "model/statistics.h"

#include <algorithm>

namespace godot_executorch {

void Statistics::add(int64_t nanoseconds) {
    window_[count_ % kWindow] = nanoseconds;
    minimum_ = count_ == 0 ? nanoseconds : std::min(minimum_, nanoseconds);
    maximum_ = std::max(maximum_, nanoseconds);
    total_ += nanoseconds;
    last_ = nanoseconds;
    ++count_;
}

StatisticsReport Statistics::report() const {
    StatisticsReport report;
    report.errors = errors_;
    if (count_ == 0) {
        return report;
    }
    std::array<int64_t, kWindow> sorted = window_;
    const size_t size = std::min<size_t>(count_, kWindow);
    std::sort(sorted.begin(), sorted.begin() + size);
    // Between two ranks the value is interpolated, as numpy.percentile does by default.
    const auto percentile = [&](double share) {
        const double rank = share * static_cast<double>(size - 1);
        const auto below = static_cast<size_t>(rank);
        const size_t above = std::min(below + 1, size - 1);
        const auto low = static_cast<double>(sorted[below]);
        const auto high = static_cast<double>(sorted[above]);
        return (low + (high - low) * (rank - static_cast<double>(below))) / 1000.0;
    };
    report.count = count_;
    report.total_us = static_cast<double>(total_) / 1000.0;
    report.last_us = last_us();
    report.mean_us = static_cast<double>(total_) / static_cast<double>(count_) / 1000.0;
    report.p50_us = percentile(0.50);
    report.p90_us = percentile(0.90);
    report.p99_us = percentile(0.99);
    report.min_us = static_cast<double>(minimum_) / 1000.0;
    report.max_us = static_cast<double>(maximum_) / 1000.0;
    return report;
}

}  // namespace godot_executorch
