#include "core/platform/posix/system_parts.h"

namespace godot_executorch {

std::string library_beside(const std::string& name) {
    // Without @rpath only the system's folders and the working directory are searched.
    return "@rpath/lib" + name + ".dylib";
}

}  // namespace godot_executorch
