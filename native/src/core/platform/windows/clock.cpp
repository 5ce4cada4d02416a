#include "core/platform/clock.h"

#include <windows.h>

namespace godot_executorch {
namespace {

int64_t to_ns(const FILETIME& time) {
    return ((int64_t{time.dwHighDateTime} << 32) + time.dwLowDateTime) * 100;
}

}  // namespace

int64_t thread_work_ns() {
    FILETIME created;
    FILETIME ended;
    FILETIME in_kernel;
    FILETIME in_program;
    if (!::GetThreadTimes(::GetCurrentThread(), &created, &ended, &in_kernel, &in_program)) {
        return 0;
    }
    return to_ns(in_kernel) + to_ns(in_program);
}

}  // namespace godot_executorch
