#include "model/ticks.h"

#include <atomic>
#include <chrono>

namespace godot_executorch {
namespace {

// The longer ago the start is, the better is the ratio; it is taken anew until it is good to a millionth.
constexpr int64_t kShortest = 2'000'000;
constexpr int64_t kGoodEnough = 1'000'000'000;

int64_t steady_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

struct Start {
    int64_t ticks = now_ticks();
    int64_t ns = steady_ns();
};

const Start& start() {
    static const Start instance;
    return instance;
}

std::atomic<double> settled_ratio{0.0};

double ns_per_tick() {
    const double settled = settled_ratio.load(std::memory_order_relaxed);
    if (settled > 0.0) {
        return settled;
    }
    const Start& begun = start();
    int64_t elapsed = steady_ns() - begun.ns;
    while (elapsed < kShortest) {
        elapsed = steady_ns() - begun.ns;
    }
    const double ratio = static_cast<double>(elapsed) / static_cast<double>(now_ticks() - begun.ticks);
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
