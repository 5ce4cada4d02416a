#include "core/metrics/call_log.h"

#include <algorithm>

namespace godot_executorch {

void CallLog::set_capacity(size_t capacity) {
    ring_.assign(capacity, {});
    ring_.shrink_to_fit();
    next_ = 0;
    count_ = 0;
}

void CallLog::add(const CallRecord& record) {
    if (ring_.empty()) {
        return;
    }
    ring_[next_] = record;
    next_ = (next_ + 1) % ring_.size();
    count_ = std::min(count_ + 1, ring_.size());
}

std::vector<CallRecord> CallLog::take() {
    std::vector<CallRecord> records;
    records.reserve(count_);
    for (size_t i = 0; i < count_; ++i) {
        records.push_back(ring_[(next_ + ring_.size() - count_ + i) % ring_.size()]);
    }
    count_ = 0;
    return records;
}

}  // namespace godot_executorch
