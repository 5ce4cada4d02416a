#pragma once

#include <cstddef>
#include <mutex>
#include <set>

#include "model/memory.h"

namespace godot_executorch {

/// Planned memory that several models use in turn. Each sees the same bytes, so a member holds the pool's lock from
/// before its inputs are written until its outputs are read. Models with state of their own must stay out.
class MemoryPool {
  public:
    /// `limit` in bytes; 0 = as much as the models need.
    explicit MemoryPool(size_t limit = 0);

    std::mutex& mutex() { return mutex_; }
    size_t limit() const;
    /// False, and no change, once there are members.
    bool set_limit(size_t limit);

    /// Where a member that needs `size` bytes finds them; null when the limit is smaller.
    uint8_t* join(size_t size);
    void leave(size_t size);

    /// Bytes that are in use: the largest member's.
    size_t size() const;
    /// Bytes that the members would need without the pool.
    size_t demand() const;
    size_t saved() const { return demand() - size(); }
    size_t member_count() const;

  private:
    std::mutex mutex_;
    mutable std::mutex members_mutex_;  // guards what follows
    size_t limit_;
    Pages pages_;
    std::multiset<size_t> members_;
};

}  // namespace godot_executorch
