#include "core/platform/clock.h"

#include <ctime>

namespace godot_executorch {

int64_t thread_work_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace godot_executorch
