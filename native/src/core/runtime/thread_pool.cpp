#include "core/runtime/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "core/runtime/thread_pool_gate.h"

// The wheel ships these symbols but not threadpool.h; only what is called is declared.
namespace executorch::extension {
namespace cpuinfo {
uint32_t get_num_performant_cores();
}
namespace threadpool {
class ThreadPool {
  public:
    size_t get_thread_count() const;
    bool _unsafe_reset_threadpool(uint32_t count);
};
ThreadPool* get_threadpool();
}  // namespace threadpool
}  // namespace executorch::extension

namespace godot_executorch {
namespace {

constexpr int kMaximumThreads = 256;

/// One core stays free for the frame: a model on all of them makes frames late.
int default_thread_count() {
    auto cores = static_cast<int>(executorch::extension::cpuinfo::get_num_performant_cores());
    cores = cores > 0 ? cores : static_cast<int>(std::thread::hardware_concurrency());
    return std::max(1, cores - 1);
}

executorch::extension::threadpool::ThreadPool* thread_pool() {
    return executorch::extension::threadpool::get_threadpool();
}

/// The number that was asked for last. The thread pool itself cannot be asked while one of its loops runs.
std::atomic<int>& wanted_count() {
    static std::atomic<int> count{thread_pool() != nullptr ? static_cast<int>(thread_pool()->get_thread_count()) : 1};
    return count;
}

void resize_thread_pool() {
    thread_pool()->_unsafe_reset_threadpool(static_cast<uint32_t>(wanted_count().load()));
}

}  // namespace

Status set_thread_count(int count) {
    if (count < 0 || count > kMaximumThreads) {
        return Status(Code::InvalidOption,
                      "expected 0 to " + std::to_string(kMaximumThreads) + " threads, got " + std::to_string(count));
    }
    const int wanted = count == 0 ? default_thread_count() : count;
    if (thread_pool() != nullptr && wanted_count().exchange(wanted) != wanted) {
        change_thread_pool(resize_thread_pool);
    }
    return {};
}

int thread_count() {
    return wanted_count();
}

void replace_thread_pool() {
    const int count = thread_count();
    if (count > 1) {
        const ThreadPoolPause pause;
        // It does nothing when it has that many already.
        thread_pool()->_unsafe_reset_threadpool(1);
        thread_pool()->_unsafe_reset_threadpool(static_cast<uint32_t>(count));
        thread_pool_was_replaced(pause);
    }
}

}  // namespace godot_executorch
