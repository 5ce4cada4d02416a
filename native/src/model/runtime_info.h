#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/failure.h"

namespace godot_executorch {

std::vector<std::string> backend_names();
std::vector<std::string> operator_names();
std::map<std::string, std::string> versions();

/// Threads of the process-wide pool; 0 = the performance cores but one, at least 1. Waits for running calls; loaded
/// methods are loaded anew when they are next called.
Status set_thread_count(int count);
int thread_count();
/// After an exception has left a loop of the pool, whose lock it has taken along: a new pool with as many threads.
void replace_pool();

/// Loads a library that registers kernels or a backend. Loading it twice does nothing.
Status load_library(const std::string& path);

}  // namespace godot_executorch
