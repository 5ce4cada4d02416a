#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "core/platform/memory.h"

namespace godot_executorch {

/// Planned memory that several models use in turn. Each sees the same bytes, so a member holds the pool's lock from
/// before its inputs are written until its outputs are read. Models with state of their own must stay out.
///
/// A member that needs more than there is brings a larger block. The others, which hold pointers into the block before,
/// join again before their next call, and the last one to leave it frees it.
class MemoryPool {
  public:
    /// `limit` in bytes; 0 = as much as the models need.
    explicit MemoryPool(size_t limit = 0) : limit_(limit) {}

    std::mutex& mutex() { return mutex_; }
    size_t limit() const;
    /// False, and no change, once there are members.
    bool set_limit(size_t limit);

    /// Where a member that needs `size` bytes finds them; null when the limit is smaller, or the system has no more.
    uint8_t* join(size_t size);
    void leave(const uint8_t* base, size_t size);
    /// Whether `base` is where members join now.
    bool is_current(const uint8_t* base) const { return current_.load(std::memory_order_acquire) == base; }

    /// Bytes that are in use: the largest member's of every block.
    size_t size() const;
    /// Bytes that the members would need without the pool.
    size_t demand() const;
    size_t saved() const;
    size_t member_count() const;

  private:
    struct Block {
        Pages pages;
        std::multiset<size_t> members;
    };

    std::mutex mutex_;
    std::atomic<const uint8_t*> current_{nullptr};
    // These need members_mutex_.
    size_t size_now() const;
    size_t demand_now() const;

    mutable std::mutex members_mutex_;  // guards what follows
    size_t limit_;
    std::vector<std::unique_ptr<Block>> blocks_;  // the current one is the last
};

}  // namespace godot_executorch
