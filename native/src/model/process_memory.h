#pragma once

#include <cstddef>

namespace godot_executorch {

/// Bytes in use on the process's heap, by the C library's own accounting.
size_t heap_in_use();

}  // namespace godot_executorch
