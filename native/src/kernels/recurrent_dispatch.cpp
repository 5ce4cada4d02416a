#include "recurrent.h"

namespace godot_executorch::kernels {

const RecurrentKernels& baseline();
#if defined(KERNELS_FOR_X86_64)
const RecurrentKernels& avx2();
const RecurrentKernels& avx512();
#endif

namespace {

const RecurrentKernels& fastest() {
#if defined(KERNELS_FOR_X86_64)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        return avx512();
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return avx2();
    }
#endif
    return baseline();
}

}  // namespace

const RecurrentKernels& recurrent_kernels() {
    static const RecurrentKernels& chosen = fastest();
    return chosen;
}

}  // namespace godot_executorch::kernels
