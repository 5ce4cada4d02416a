#include "instruction_set.h"
#include "recurrent.h"

namespace godot_executorch::kernels {

const RecurrentKernels& baseline();
#if defined(KERNELS_FOR_X86_64)
const RecurrentKernels& avx2();
const RecurrentKernels& avx512();
#endif

const RecurrentKernels& recurrent_kernels() {
#if defined(KERNELS_FOR_X86_64)
    switch (instruction_set()) {
        case InstructionSet::kAvx512:
            return avx512();
        case InstructionSet::kAvx2:
            return avx2();
        case InstructionSet::kBaseline:
            break;
    }
#endif
    return baseline();
}

}  // namespace godot_executorch::kernels
