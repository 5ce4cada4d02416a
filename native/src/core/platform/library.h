#pragma once

#include <string>

namespace godot_executorch {

/// Loads a shared library for the life of the process. False on a failure; `reason` is the system's.
bool open_library(const std::string& path, std::string& reason);

/// The address of a symbol in the shared library `name` beside this one; null where there is none.
void* find_in_library(const std::string& name, const char* symbol);

}  // namespace godot_executorch
