#pragma once

#include <cstdint>

/// The fields of ExecuTorch's schema (executorch/schema/program.fbs) that the checks read, by their numbers.
namespace godot_executorch::plan_schema {

// Fields of ExecutionPlan.
constexpr int kValues = 2;
constexpr int kInputs = 3;
constexpr int kOutputs = 4;
constexpr int kChains = 5;
constexpr int kOperators = 6;
constexpr int kDelegates = 7;
constexpr int kPlannedSizes = 8;
// Fields of Tensor.
constexpr int kScalarType = 0;
constexpr int kStorageOffset = 1;
constexpr int kSizes = 2;
constexpr int kDimOrder = 3;
constexpr int kDataBuffer = 5;
constexpr int kAllocation = 6;
constexpr int kDynamism = 8;
constexpr int kExtraInfo = 9;
// KernelTypes and InstructionArguments.
enum Kind : uint8_t {
    kNull = 1,
    kInt,
    kBool,
    kDouble,
    kTensor,
    kString,
    kIntList,
    kDoubleList,
    kBoolList,
    kTensorList,
    kOptionalTensorList
};
enum Step : uint8_t { kKernelCall = 1, kDelegateCall, kMoveCall, kJumpFalseCall, kFreeCall };

}  // namespace godot_executorch::plan_schema
