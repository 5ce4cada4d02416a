#include "model/pool_gate.h"

#include <atomic>
#include <mutex>
#include <thread>

namespace godot_executorch {
namespace {

std::atomic<int> users{0};
std::atomic<bool> changing{false};
std::atomic<uint64_t> pool_generation{1};
std::mutex change_mutex;
thread_local int depth = 0;

}  // namespace

PoolUse::PoolUse() {
    if (depth++ > 0) {
        return;
    }
    while (true) {
        ++users;
        if (!changing) {
            return;
        }
        --users;
        std::this_thread::yield();
    }
}

PoolUse::~PoolUse() {
    if (--depth == 0) {
        --users;
    }
}

uint64_t PoolUse::generation() {
    return pool_generation.load(std::memory_order_relaxed);
}

PoolPause::PoolPause() {
    change_mutex.lock();
    changing = true;
    // Our own use is no reason to wait: who pauses inside one does not go on with the pool that was there.
    const int own = depth > 0 ? 1 : 0;
    while (users > own) {
        std::this_thread::yield();
    }
}

PoolPause::~PoolPause() {
    changing = false;
    change_mutex.unlock();
}

PoolChange::~PoolChange() {
    ++pool_generation;
}

}  // namespace godot_executorch
