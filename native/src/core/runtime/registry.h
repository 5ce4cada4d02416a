#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/status.h"

namespace godot_executorch {

std::vector<std::string> backend_names();
std::vector<std::string> operator_names();
std::map<std::string, std::string> versions();

/// Loads a library that registers kernels or a backend. Loading it twice does nothing.
Status load_library(const std::string& path);

}  // namespace godot_executorch
