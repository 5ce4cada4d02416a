#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace godot_executorch {

struct StatisticsReport {
    uint64_t count = 0;
    uint64_t errors = 0;
    double total_us = 0;
    double last_us = 0;
    double mean_us = 0;
    double p50_us = 0;
    double p90_us = 0;
    double p99_us = 0;
    double min_us = 0;
    double max_us = 0;
};

/// Durations of calls; percentiles are of the last kWindow ones.
class Statistics {
  public:
    static constexpr size_t kWindow = 1024;

    /// `ticks` of now_ticks().
    void add(int64_t ticks);
    void add_error() { ++errors_; }
    void reset() { *this = Statistics(); }
    uint64_t count() const { return count_; }
    double last_us() const;
    StatisticsReport report() const;

  private:
    uint64_t count_ = 0;
    uint64_t errors_ = 0;
    int64_t total_ = 0;
    int64_t last_ = 0;
    int64_t minimum_ = 0;
    int64_t maximum_ = 0;
    // The first durations are kept here, and all kWindow of them on the heap once there are more: most of hundreds of
    // sessions make few calls.
    static constexpr size_t kFew = 128;
    std::array<float, kFew> few_ = {};
    std::vector<float> window_;
};

}  // namespace godot_executorch
