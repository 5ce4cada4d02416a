#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace godot_executorch {

struct CallRecord {
    uint64_t sequence = 0;
    int64_t start = 0;  // now_ticks()
    int64_t duration = 0;
    int method_index = 0;
    int error = 0;
};

/// The latest calls, for a reader that takes them from time to time. Off, at no cost, while its capacity is 0.
class CallLog {
  public:
    void set_capacity(size_t capacity);
    void add(const CallRecord& record);
    /// Everything since the last take, oldest first.
    std::vector<CallRecord> take();

  private:
    std::vector<CallRecord> ring_;
    size_t next_ = 0;
    size_t count_ = 0;
};

}  // namespace godot_executorch
