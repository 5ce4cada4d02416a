#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

namespace godot_executorch {

/// XNNPACK keeps a pointer to the thread pool that was there when a method was loaded. Code that loads or runs holds a
/// ThreadPoolUse. The thread pool is replaced while there is none, and methods of an older one are loaded again.
class ThreadPoolUse {
  public:
    ThreadPoolUse();
    /// Does not wait for a pause or a change; see is_held().
    explicit ThreadPoolUse(std::try_to_lock_t);
    ~ThreadPoolUse();
    ThreadPoolUse(const ThreadPoolUse&) = delete;
    ThreadPoolUse& operator=(const ThreadPoolUse&) = delete;

    bool is_held() const { return is_held_; }

    /// The number of the current thread pool; it does not change while a ThreadPoolUse is held.
    static uint64_t generation();

  private:
    bool is_held_ = true;
};

/// Waits until no other thread uses the thread pool, and lets none begin.
class ThreadPoolPause {
  public:
    ThreadPoolPause();
    ~ThreadPoolPause();
    ThreadPoolPause(const ThreadPoolPause&) = delete;
    ThreadPoolPause& operator=(const ThreadPoolPause&) = delete;
};

/// Calls `change`, which replaces the thread pool, as soon as no thread uses it: now, or in a thread that would use it
/// next. Never waits. Another change that still waits is dropped.
void change_thread_pool(void (*change)());
/// The same inside a pause.
void thread_pool_was_replaced(const ThreadPoolPause&);

/// In a fork that was made inside a pause: threads that do not exist here may have been about to enter.
void forget_threads_of_parent();

/// Destroys what uses ExecuTorch in its destructor: now, or at the end of a pause that is under way. Never waits.
void destroy_outside_of_pauses(std::shared_ptr<void> owned);

}  // namespace godot_executorch
