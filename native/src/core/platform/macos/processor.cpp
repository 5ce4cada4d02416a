#include "core/platform/processor.h"

#include <sys/sysctl.h>

namespace godot_executorch {

std::string processor_kind() {
    char name[256] = {};
    size_t size = sizeof name - 1;
    return ::sysctlbyname("machdep.cpu.brand_string", name, &size, nullptr, 0) == 0 ? name : "";
}

}  // namespace godot_executorch
