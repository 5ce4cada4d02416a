#include "model/statistics.h"

#include <algorithm>
#include <cmath>

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
    if (count_ == 0) {
        return report;
    }
    std::array<int64_t, kWindow> sorted = window_;
    const size_t size = std::min<size_t>(count_, kWindow);
    std::sort(sorted.begin(), sorted.begin() + size);
    const auto percentile = [&](double share) {
        const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(size)));
        return static_cast<double>(sorted[std::max<size_t>(rank, 1) - 1]) / 1000.0;
    };
    report.count = count_;
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
