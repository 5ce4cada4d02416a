#pragma once

namespace godot_executorch::kernels {

enum class InstructionSet { kBaseline, kAvx2, kAvx512 };

/// The best set that this processor runs and that there is a variant of the kernels for; found at the first call.
InstructionSet instruction_set();

}  // namespace godot_executorch::kernels
