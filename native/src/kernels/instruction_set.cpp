#include "instruction_set.h"

namespace godot_executorch::kernels {
namespace {

InstructionSet best() {
#if defined(KERNELS_FOR_X86_64)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        return InstructionSet::kAvx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return InstructionSet::kAvx2;
    }
#endif
    return InstructionSet::kBaseline;
}

}  // namespace

InstructionSet instruction_set() {
    static const InstructionSet chosen = best();
    return chosen;
}

}  // namespace godot_executorch::kernels
