#pragma once

#include <string>

#include "model/failure.h"

namespace godot_executorch {

/// Loads a file and runs each of its methods on zeros in a child process, so that a crash or a hang is an error here.
/// Takes the time of a fork, a load and one call; `seconds` is the child's limit.
Status try_in_child(const std::string& path, int seconds);

}  // namespace godot_executorch
