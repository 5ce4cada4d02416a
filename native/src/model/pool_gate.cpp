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
[[gnu::tls_model("initial-exec")]] thread_local int depth = 0;

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
    // Our own use is no reason to wait, for us or for another who pauses: it goes on after the pause.
    users -= depth > 0 ? 1 : 0;
    change_mutex.lock();
    changing = true;
    while (users > 0) {
        std::this_thread::yield();
    }
}

PoolPause::~PoolPause() {
    users += depth > 0 ? 1 : 0;
    changing = false;
    change_mutex.unlock();
}

PoolChange::~PoolChange() {
    ++pool_generation;
}

}  // namespace godot_executorch
