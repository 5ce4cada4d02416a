#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

namespace godot_executorch {

/// A clock that costs a third of the system's: a small model runs in the time of ten looks at that one.
inline int64_t now_ticks() {
#if defined(__x86_64__)
    return static_cast<int64_t>(__rdtsc());
#else
    return std::chrono::steady_clock::now().time_since_epoch().count();
#endif
}

/// Nanoseconds of a number of ticks.
double ticks_to_ns(int64_t ticks);

/// Notes the time, so that ticks can be converted later. Once, as early as possible.
void start_tick_clock();

}  // namespace godot_executorch
