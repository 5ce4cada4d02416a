#include "model/memory_pool.h"

#include <numeric>

namespace godot_executorch {
namespace {

// Address space only: a loaded method keeps pointers, so the pool can never move.
constexpr size_t kReserve = size_t{16} << 30;

Pages pages_for(size_t limit) {
    return Pages(limit != 0 ? limit : kReserve);
}

}  // namespace

MemoryPool::MemoryPool(size_t limit) : limit_(limit), pages_(pages_for(limit)) {
}

size_t MemoryPool::limit() const {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return limit_;
}

bool MemoryPool::set_limit(size_t limit) {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    if (!members_.empty()) {
        return false;
    }
    limit_ = limit;
    pages_ = pages_for(limit);
    return true;
}

uint8_t* MemoryPool::join(size_t size) {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    if (size > pages_.size()) {
        return nullptr;
    }
    members_.insert(size);
    return pages_.data();
}

void MemoryPool::leave(size_t size) {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    const auto member = members_.find(size);
    if (member != members_.end()) {
        members_.erase(member);
    }
    pages_.release_from(members_.empty() ? 0 : *members_.rbegin());
}

size_t MemoryPool::size() const {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return members_.empty() ? 0 : *members_.rbegin();
}

size_t MemoryPool::demand() const {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return std::accumulate(members_.begin(), members_.end(), size_t{0});
}

size_t MemoryPool::member_count() const {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return members_.size();
}

}  // namespace godot_executorch
