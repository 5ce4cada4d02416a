#include "core/platform/processor.h"

#include <sys/auxv.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace godot_executorch {

std::string processor_kind() {
    std::string kind = std::to_string(::getauxval(AT_HWCAP)) + " " + std::to_string(::getauxval(AT_HWCAP2));
#if defined(__x86_64__)
    unsigned registers[4] = {};
    // Family, model and features; not the byte that says which core asked.
    if (__get_cpuid(1, &registers[0], &registers[1], &registers[2], &registers[3]) != 0) {
        kind += " " + std::to_string(registers[0]) + " " + std::to_string(registers[2]);
    }
    for (unsigned part = 0; part < 2; ++part) {
        if (__get_cpuid_count(7, part, &registers[0], &registers[1], &registers[2], &registers[3]) != 0) {
            for (const unsigned features : registers) {
                kind += " " + std::to_string(features);
            }
        }
    }
#endif
    return kind;
}

}  // namespace godot_executorch
