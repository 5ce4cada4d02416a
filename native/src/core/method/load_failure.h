#pragma once

#include <executorch/runtime/core/error.h>

#include <string>

#include "core/status.h"

namespace godot_executorch {

/// The error of a method that cannot be loaded, with what ExecuTorch logged on this thread.
Status load_failure(executorch::runtime::Error error, const std::string& method);

}  // namespace godot_executorch
