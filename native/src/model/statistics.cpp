#include "model/statistics.h"

#include <algorithm>

#include "model/ticks.h"

namespace godot_executorch {
namespace {

double to_us(double ticks) {
    return ticks_to_ns(1'000'000) * ticks / 1e9;
}

}  // namespace

double Statistics::last_us() const {
    return to_us(static_cast<double>(last_));
}

void Statistics::add(int64_t ticks) {
    window_[count_ % kWindow] = ticks;
    minimum_ = count_ == 0 ? ticks : std::min(minimum_, ticks);
    maximum_ = std::max(maximum_, ticks);
    total_ += ticks;
    last_ = ticks;
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
        return to_us(low + (high - low) * (rank - static_cast<double>(below)));
    };
    report.count = count_;
    report.total_us = to_us(static_cast<double>(total_));
    report.last_us = last_us();
    report.mean_us = to_us(static_cast<double>(total_)) / static_cast<double>(count_);
    report.p50_us = percentile(0.50);
    report.p90_us = percentile(0.90);
    report.p99_us = percentile(0.99);
    report.min_us = to_us(static_cast<double>(minimum_));
    report.max_us = to_us(static_cast<double>(maximum_));
    return report;
}

}  // namespace godot_executorch
