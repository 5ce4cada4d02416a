#include "core/runtime/thread_pool_gate.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace godot_executorch {
namespace {

std::atomic<int> closed{0};  // pauses, and a change that waits
std::atomic<uint64_t> thread_pool_generation{1};
std::atomic<void (*)()> waiting_change{nullptr};
std::mutex change_mutex;  // held by the one pause, or while a change is made
std::mutex destruction_mutex;
std::vector<std::shared_ptr<void>> to_destroy;
[[gnu::tls_model("initial-exec")]] thread_local int depth = 0;

/// Whether a thread uses the thread pool: a cache line for each thread, so that threads do not slow each other. Taken
/// without locks, because a fork may come at any moment.
struct alignas(64) UseFlag {
    std::atomic<bool> is_taken{false};
    std::atomic<int> uses{0};
};
constexpr size_t kFlags = 256;
UseFlag flags[kFlags + 1];  // the last one is shared by the threads that found no other

UseFlag& take_flag() {
    for (size_t i = 0; i < kFlags; ++i) {
        if (!flags[i].is_taken.exchange(true)) {
            return flags[i];
        }
    }
    return flags[kFlags];
}

struct ThreadFlag {
    ~ThreadFlag() { flag.is_taken = false; }
    UseFlag& flag = take_flag();
};

std::atomic<int>& own_uses() {
    [[gnu::tls_model("initial-exec")]] static thread_local std::atomic<int>* own = nullptr;
    if (own == nullptr) {
        static thread_local ThreadFlag taken;
        own = &taken.flag.uses;
    }
    return *own;
}

bool is_used() {
    return std::any_of(std::begin(flags), std::end(flags), [](const UseFlag& flag) { return flag.uses != 0; });
}

void destroy_waiting();

bool try_enter() {
    ++own_uses();
    if (closed == 0) {
        return true;
    }
    --own_uses();
    return false;
}

/// Makes the change that waits, if no thread is in the way.
void try_change() {
    if (waiting_change.load(std::memory_order_relaxed) == nullptr) {
        return;
    }
    {
        const std::unique_lock<std::mutex> lock(change_mutex, std::try_to_lock);
        if (!lock.owns_lock() || is_used()) {
            return;
        }
        // `closed` is not 0 as long as a change waits, so no thread begins a use meanwhile.
        void (*change)() = waiting_change.exchange(nullptr);
        if (change == nullptr) {
            return;
        }
        change();
        ++thread_pool_generation;
        --closed;
    }
    destroy_waiting();
}

void leave() {
    --own_uses();
    try_change();
}

void destroy_waiting() {
    std::vector<std::shared_ptr<void>> batch;
    {
        // Not locked means that another thread adds to it, which then looks itself; or that this is a fork of that one.
        const std::unique_lock<std::mutex> lock(destruction_mutex, std::try_to_lock);
        if (lock.owns_lock()) {
            batch.swap(to_destroy);
        }
    }
    for (std::shared_ptr<void>& owned : batch) {
        destroy_outside_of_pauses(std::move(owned));
    }
}

}  // namespace

ThreadPoolUse::ThreadPoolUse() {
    if (depth++ > 0) {
        return;
    }
    while (!try_enter()) {
        try_change();
        std::this_thread::yield();
    }
}

ThreadPoolUse::ThreadPoolUse(std::try_to_lock_t) : is_held_(depth > 0 || try_enter()) {
    depth += is_held_ ? 1 : 0;
}

ThreadPoolUse::~ThreadPoolUse() {
    if (is_held_ && --depth == 0) {
        leave();
    }
}

uint64_t ThreadPoolUse::generation() {
    return thread_pool_generation.load(std::memory_order_relaxed);
}

ThreadPoolPause::ThreadPoolPause() {
    // This thread's own use does not count, for this pause or for another thread's: it continues after the pause.
    own_uses() -= depth > 0 ? 1 : 0;
    change_mutex.lock();
    ++closed;
    while (is_used()) {
        std::this_thread::yield();
    }
}

ThreadPoolPause::~ThreadPoolPause() {
    own_uses() += depth > 0 ? 1 : 0;
    --closed;
    change_mutex.unlock();
    destroy_waiting();
}

void change_thread_pool(void (*change)()) {
    ++closed;
    if (waiting_change.exchange(change) != nullptr) {
        --closed;  // the change before it counts already
    }
    try_change();
}

void forget_threads_of_parent() {
    for (UseFlag& flag : flags) {
        flag.uses = 0;
    }
}

void thread_pool_was_replaced(const ThreadPoolPause&) {
    ++thread_pool_generation;
}

void destroy_outside_of_pauses(std::shared_ptr<void> owned) {
    if (depth > 0) {
        owned.reset();
        return;
    }
    bool entered = try_enter();
    if (!entered) {
        try_change();
        entered = try_enter();
    }
    if (entered) {
        ++depth;
        owned.reset();
        --depth;
        leave();
        return;
    }
    {
        const std::lock_guard<std::mutex> lock(destruction_mutex);
        to_destroy.push_back(std::move(owned));
    }
    if (closed == 0) {
        destroy_waiting();  // the pause has ended in between
    }
}

}  // namespace godot_executorch
