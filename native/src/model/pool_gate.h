#pragma once

#include <cstdint>

namespace godot_executorch {

/// XNNPACK keeps a pointer to the thread pool that was there when a method was loaded. Who loads or runs holds a
/// PoolUse; changing the number of threads waits for all of them, and methods of an older pool are loaded anew.
class PoolUse {
  public:
    PoolUse();
    ~PoolUse();
    PoolUse(const PoolUse&) = delete;
    PoolUse& operator=(const PoolUse&) = delete;

    /// Counts the pools; steady while a PoolUse is held.
    static uint64_t generation();
};

/// Holds everybody else off.
class PoolPause {
  public:
    PoolPause();
    ~PoolPause();
    PoolPause(const PoolPause&) = delete;
    PoolPause& operator=(const PoolPause&) = delete;
};

/// Holds everybody off while the pool is replaced.
class PoolChange {
  public:
    PoolChange() = default;
    ~PoolChange();
    PoolChange(const PoolChange&) = delete;
    PoolChange& operator=(const PoolChange&) = delete;

  private:
    PoolPause pause_;
};

}  // namespace godot_executorch
