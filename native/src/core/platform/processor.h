#pragma once

#include <string>

namespace godot_executorch {

/// Differs between processors for which XNNPACK may choose other kernels, which pack weights in other ways.
std::string processor_kind();

}  // namespace godot_executorch
