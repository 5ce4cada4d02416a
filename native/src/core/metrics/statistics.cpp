#include "core/metrics/statistics.h"

#include <algorithm>

#include "core/runtime/ticks.h"

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
    if (window_.empty() && count_ < kFew) {
        few_[count_] = static_cast<float>(ticks);
    } else {
        if (window_.empty()) {
            window_.assign(few_.begin(), few_.end());
            window_.resize(kWindow);
        }
        window_[count_ % kWindow] = static_cast<float>(ticks);
    }
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
    const size_t size = std::min<size_t>(count_, kWindow);
    const float* first = window_.empty() ? few_.data() : window_.data();
    std::vector<float> sorted(first, first + size);
    std::sort(sorted.begin(), sorted.end());
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
