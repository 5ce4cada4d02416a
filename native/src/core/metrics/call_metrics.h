#pragma once

#include <cstdint>
#include <vector>

#include "core/metrics/call_log.h"
#include "core/metrics/spin_lock.h"
#include "core/metrics/statistics.h"

namespace godot_executorch {

/// The statistics of a session's calls. Has its own lock, so that reading never waits for a running call.
class CallMetrics {
  public:
    /// Counts a call and gives its number (1, 2, ...). Failed calls have an error and no duration in the statistics.
    uint64_t record(int64_t start, int64_t duration, int method_index, int error);

    StatisticsReport report() const;
    void reset_statistics();
    double last_us() const;
    void set_call_log(size_t capacity);
    std::vector<CallRecord> take_call_log();

  private:
    Statistics snapshot() const;

    mutable SpinLock lock_;
    Statistics statistics_;
    CallLog log_;
    uint64_t sequence_ = 0;
};

}  // namespace godot_executorch
