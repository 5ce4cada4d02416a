#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "core/metrics/profile.h"

namespace godot_executorch {

/// What tracers found: the last calls and the totals. A session keeps it from version to version.
class TraceResults {
  public:
    static constexpr size_t kCalls = 16;

    void add(TracedCall call);
    void add_allocation(const std::string& allocator, size_t bytes);
    Profile profile() const;

  private:
    mutable std::mutex mutex_;
    std::deque<TracedCall> calls_;
    std::map<std::tuple<int, std::string, std::string>, OperatorTotal> totals_;
    std::map<std::string, uint64_t> allocations_;
};

}  // namespace godot_executorch
