#include "core/runtime/ticks.h"

#include <atomic>
#include <chrono>

namespace godot_executorch {
namespace {

// The ratio becomes more exact with the time since the start. It is measured again until it is exact to a millionth.
constexpr int64_t kShortest = 2'000'000;
constexpr int64_t kGoodEnough = 1'000'000'000;

int64_t steady_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

struct Reading {
    int64_t ticks = 0;
    int64_t ns = 0;
};

/// Both clocks at one moment; read again when something came between.
Reading read_both() {
    Reading best;
    int64_t narrowest = INT64_MAX;
    for (int attempt = 0; attempt < 20 && narrowest > 500; ++attempt) {
        const int64_t before = steady_ns();
        const int64_t ticks = now_ticks();
        const int64_t after = steady_ns();
        if (after - before < narrowest) {
            narrowest = after - before;
            best = {ticks, before + narrowest / 2};
        }
    }
    return best;
}

const Reading& start() {
    static const Reading instance = read_both();
    return instance;
}

std::atomic<double> settled_ratio{0.0};

double ns_per_tick() {
    const double settled = settled_ratio.load(std::memory_order_relaxed);
    if (settled > 0.0) {
        return settled;
    }
    const Reading& begun = start();
    Reading now = read_both();
    while (now.ns - begun.ns < kShortest) {
        now = read_both();
    }
    const int64_t elapsed = now.ns - begun.ns;
    const double ratio = static_cast<double>(elapsed) / static_cast<double>(now.ticks - begun.ticks);
    if (elapsed > kGoodEnough) {
        settled_ratio = ratio;
    }
    return ratio;
}

}  // namespace

double ticks_to_ns(int64_t ticks) {
    return static_cast<double>(ticks) * ns_per_tick();
}

void start_tick_clock() {
    start();
}

}  // namespace godot_executorch
