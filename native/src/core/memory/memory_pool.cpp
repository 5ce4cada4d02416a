#include "core/memory/memory_pool.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace godot_executorch {
namespace {

// Only what is written counts as memory; small models fit into one block from the beginning.
constexpr size_t kSmallestBlock = size_t{16} << 20;

}  // namespace

size_t MemoryPool::limit() const {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return limit_;
}

bool MemoryPool::set_limit(size_t limit) {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    if (!blocks_.empty()) {
        return false;
    }
    limit_ = limit;
    return true;
}

uint8_t* MemoryPool::join(size_t size) {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    if (limit_ != 0 && size > limit_) {
        return nullptr;
    }
    if (blocks_.empty() || size > blocks_.back()->pages.size()) {
        auto block = std::make_unique<Block>();
        const size_t spare = limit_ == 0 ? kSmallestBlock : std::min(kSmallestBlock, limit_);
        block->pages = Pages(std::max(size, spare));
        if (block->pages.data() == nullptr) {
            return nullptr;
        }
        blocks_.push_back(std::move(block));
        current_ = blocks_.back()->pages.data();
    }
    blocks_.back()->members.insert(size);
    return blocks_.back()->pages.data();
}

void MemoryPool::leave(const uint8_t* base, size_t size) {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    const auto block = std::find_if(blocks_.begin(), blocks_.end(),
                                    [&](const auto& candidate) { return candidate->pages.data() == base; });
    if (block == blocks_.end()) {
        return;
    }
    std::multiset<size_t>& members = (*block)->members;
    const auto member = members.find(size);
    if (member != members.end()) {
        members.erase(member);
    }
    if (members.empty()) {
        blocks_.erase(block);
        current_ = blocks_.empty() ? nullptr : blocks_.back()->pages.data();
    } else {
        (*block)->pages.release_from(*members.rbegin());
    }
}

size_t MemoryPool::size() const {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return size_now();
}

size_t MemoryPool::demand() const {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return demand_now();
}

size_t MemoryPool::saved() const {
    // Members that leave between two readings would make it negative.
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return demand_now() - size_now();
}

size_t MemoryPool::size_now() const {
    return std::accumulate(blocks_.begin(), blocks_.end(), size_t{0}, [](size_t sum, const auto& block) {
        return sum + (block->members.empty() ? 0 : *block->members.rbegin());
    });
}

size_t MemoryPool::demand_now() const {
    return std::accumulate(blocks_.begin(), blocks_.end(), size_t{0}, [](size_t sum, const auto& block) {
        return std::accumulate(block->members.begin(), block->members.end(), sum);
    });
}

size_t MemoryPool::member_count() const {
    const std::lock_guard<std::mutex> lock(members_mutex_);
    return std::accumulate(blocks_.begin(), blocks_.end(), size_t{0},
                           [](size_t sum, const auto& block) { return sum + block->members.size(); });
}

}  // namespace godot_executorch
