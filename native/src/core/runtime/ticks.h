#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

namespace godot_executorch {

/// A third of the cost of `steady_clock`; ten reads of that take as long as a small model.
inline int64_t now_ticks() {
#if defined(__x86_64__)
    return static_cast<int64_t>(__rdtsc());
#else
    return std::chrono::steady_clock::now().time_since_epoch().count();
#endif
}

/// Nanoseconds of a number of ticks.
double ticks_to_ns(int64_t ticks);

/// Reads both clocks, so that ticks can be converted later. Once, as early as possible.
void start_tick_clock();

}  // namespace godot_executorch
