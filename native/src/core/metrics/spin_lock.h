#pragma once

#include <atomic>

namespace godot_executorch {

/// For a few instructions only: cheaper than a mutex when no thread waits.
class SpinLock {
  public:
    void lock() {
        while (flag_.test_and_set(std::memory_order_acquire)) {
        }
    }
    void unlock() { flag_.clear(std::memory_order_release); }

  private:
    std::atomic_flag flag_ = ATOMIC_FLAG_INIT;
};

}  // namespace godot_executorch
