#pragma once

#include <cstdint>

namespace godot_executorch {

/// Nanoseconds that this thread has worked; what others do on a busy machine does not count. 0 where it is not known.
int64_t thread_work_ns();

}  // namespace godot_executorch
