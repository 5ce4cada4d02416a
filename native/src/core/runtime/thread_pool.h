#pragma once

#include "core/status.h"

namespace godot_executorch {

/// Threads of the process-wide thread pool; 0 = the performance cores but one, at least 1. Does not wait for running
/// calls: the number holds for calls that begin later, which load their methods again.
Status set_thread_count(int count);
int thread_count();
/// A new thread pool with as many threads. Needed after an exception in one of its loops, which leaves it locked.
void replace_thread_pool();

}  // namespace godot_executorch
