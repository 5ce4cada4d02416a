#include "core/platform/posix/system_parts.h"

namespace godot_executorch {

std::string library_beside(const std::string& name) {
    // Searched where this library's own dependencies are.
    return "lib" + name + ".so";
}

}  // namespace godot_executorch
