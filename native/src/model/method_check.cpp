#include "model/method_check.h"

#include <algorithm>
#include <set>

#include "model/dtype.h"

namespace godot_executorch {
namespace {

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

constexpr size_t kMaximumRank = 16;
constexpr uint64_t kMaximumBytes = uint64_t{1} << 40;
constexpr int8_t kExternal = 1;

}  // namespace

std::string MethodCheck::find_problem() {
    const FlatbufferVector values = plan_.vector(kValues);
    values_.resize(values.holds(4) ? values.size() : 0);
    for (size_t i = 0; i < values_.size(); ++i) {
        const FlatbufferTable value = values.table(i);
        values_[i].type = value.number<uint8_t>(0);
        values_[i].table = value.table(1);
    }
    if (name().empty()) {
        return "it has no name";
    }
    const FlatbufferVector planned = plan_.vector(kPlannedSizes);
    for (size_t i = 0; i < planned.size(); ++i) {
        const auto size = planned.number<int64_t>(i);
        if (size < 0 || static_cast<uint64_t>(size) > kMaximumBytes) {
            return "planned buffer " + std::to_string(i) + " has " + std::to_string(size) + " bytes";
        }
    }
    for (size_t i = 0; i < values_.size(); ++i) {
        const std::string problem = check_value(i);
        if (!problem.empty()) {
            return "value " + std::to_string(i) + " " + problem;
        }
    }
    for (const Value& value : values_) {
        const std::string problem = check_items(value);
        if (!problem.empty()) {
            return problem;
        }
    }
    if (!are_values(plan_.vector(kInputs)) || !are_values(plan_.vector(kOutputs))) {
        return "an input or output is no value";
    }
    const FlatbufferVector operators = plan_.vector(kOperators);
    for (size_t i = 0; i < operators.size(); ++i) {
        if (operators.table(i).text(0).empty()) {
            return "operator " + std::to_string(i) + " has no name";
        }
    }
    const FlatbufferVector delegates = plan_.vector(kDelegates);
    for (size_t i = 0; i < delegates.size(); ++i) {
        const std::string problem = check_delegate(delegates.table(i));
        if (!problem.empty()) {
            return "delegate " + std::to_string(i) + " " + problem;
        }
    }
    const FlatbufferVector chains = plan_.vector(kChains);
    for (size_t i = 0; i < chains.size(); ++i) {
        const std::string problem = check_instructions(chains.table(i));
        if (!problem.empty()) {
            return problem;
        }
    }
    return chains.size() == 0 ? "it has no instructions" : "";
}

std::string MethodCheck::check_value(size_t index) {
    Value& value = values_[index];
    if (value.type < kNull || value.type > kOptionalTensorList || !value.table.exists()) {
        return "has no known type";
    }
    if (value.type == kString) {
        value.table.text(0);
    }
    return value.type == kTensor ? check_tensor(value) : "";
}

std::string MethodCheck::check_tensor(Value& value) {
    const FlatbufferTable& tensor = value.table;
    const FlatbufferVector sizes = tensor.vector(kSizes);
    const FlatbufferVector order = tensor.vector(kDimOrder);
    if (!sizes.holds(4) || sizes.size() > kMaximumRank || order.size() != sizes.size()) {
        return "has sizes and an order of dimensions that do not match";
    }
    std::set<uint8_t> dimensions;
    uint64_t elements = 1;
    for (size_t i = 0; i < sizes.size(); ++i) {
        const auto size = sizes.number<int32_t>(i);
        if (size < 0 || (size > 0 && elements > kMaximumBytes / static_cast<uint64_t>(size))) {
            return "has a size of " + std::to_string(size);
        }
        elements *= static_cast<uint64_t>(size);
        const auto dimension = order.number<uint8_t>(i);
        if (dimension >= sizes.size() || !dimensions.insert(dimension).second) {
            return "has a wrong order of dimensions";
        }
    }
    if (tensor.number<int32_t>(kStorageOffset) != 0 || tensor.number<int8_t>(kDynamism) > 2 ||
        tensor.number<int8_t>(kDynamism) < 0) {
        return "has a storage offset or dynamism that is not supported";
    }
    const uint64_t bytes = elements * dtype_size(static_cast<Dtype>(tensor.number<int8_t>(kScalarType)));
    const FlatbufferTable allocation = tensor.table(kAllocation);
    if (allocation.exists()) {
        value.is_planned = true;
        const FlatbufferVector planned = plan_.vector(kPlannedSizes);
        const auto buffer = allocation.number<uint32_t>(0);
        const uint64_t offset = allocation.number<uint32_t>(1) | static_cast<uint64_t>(allocation.number<uint32_t>(2))
                                                                     << 32;
        if (buffer >= planned.size()) {
            return "lies in planned buffer " + std::to_string(buffer) + ", which does not exist";
        }
        const auto capacity = static_cast<uint64_t>(planned.number<int64_t>(buffer));
        if (offset > capacity || bytes > capacity - offset) {
            return "lies outside planned buffer " + std::to_string(buffer);
        }
        value.buffer = buffer;
        value.begin = offset;
        value.end = offset + bytes;
    }
    value.has_initial_value = tensor.number<uint32_t>(kDataBuffer) > 0;
    return value.has_initial_value ? check_constant(tensor, bytes) : "";
}

std::string MethodCheck::check_constant(const FlatbufferTable& tensor, uint64_t bytes) const {
    const auto index = tensor.number<uint32_t>(kDataBuffer);
    const FlatbufferTable extra = tensor.table(kExtraInfo);
    if (extra.exists() && extra.number<int8_t>(2) == kExternal) {
        return extra.text(1).empty() ? "has external data without a name" : "";
    }
    const ConstantTable* constants = &tables_.constants;
    if (tensor.table(kAllocation).exists()) {
        const auto segment = extra.number<uint64_t>(0);
        if (segment >= tables_.mutable_constants.size()) {
            return "has initial data in a segment that does not exist";
        }
        constants = &tables_.mutable_constants[segment];
    }
    if (constants->offsets.empty()) {
        return index < tables_.constant_buffers ? "" : "has constant data that does not exist";
    }
    if (index >= constants->offsets.size() || bytes > constants->size - constants->offsets[index]) {
        return "has constant data outside its segment";
    }
    return "";
}

std::string MethodCheck::check_items(const Value& value) const {
    const FlatbufferVector items = value.type >= kIntList ? value.table.vector(0) : FlatbufferVector();
    for (size_t i = 0; i < items.size(); ++i) {
        if (value.type == kIntList) {
            const auto item = items.number<int64_t>(i);
            if (!items.holds(8) || !is_value(item) || values_[static_cast<size_t>(item)].type != kInt) {
                return "a list of integers names something else";
            }
        } else if (value.type == kTensorList || value.type == kOptionalTensorList) {
            const auto item = items.number<int32_t>(i);
            const bool none = value.type == kOptionalTensorList && item == -1;
            if (!none && (!is_value(item) || values_[static_cast<size_t>(item)].type != kTensor)) {
                const bool null = is_value(item) && values_[static_cast<size_t>(item)].type == kNull;
                if (!(null && value.type == kOptionalTensorList)) {
                    return "a list of tensors names something else";
                }
            }
        } else if (value.type == kDoubleList && !items.holds(8)) {
            return "a list of numbers is cut short";
        }
    }
    return "";
}

std::string MethodCheck::check_delegate(const FlatbufferTable& delegate) const {
    const FlatbufferTable processed = delegate.table(1);
    const auto index = processed.number<uint32_t>(1);
    const bool in_segment = processed.number<int8_t>(0) == 1;
    const size_t available = in_segment ? tables_.segment_sizes.size() : tables_.inline_delegate_data;
    if (delegate.text(0).empty() || index >= available) {
        return "has no name or no data";
    }
    const FlatbufferVector specs = delegate.vector(2);
    for (size_t i = 0; i < specs.size(); ++i) {
        specs.table(i).text(0);
        specs.table(i).vector(1);
    }
    return "";
}

bool MethodCheck::are_values(const FlatbufferVector& indices) const {
    if (!indices.holds(4)) {
        return false;
    }
    for (size_t i = 0; i < indices.size(); ++i) {
        if (!is_value(indices.number<int32_t>(i))) {
            return false;
        }
    }
    return true;
}

std::string MethodCheck::check_instructions(const FlatbufferTable& chain) {
    const FlatbufferVector instructions = chain.vector(2);
    for (size_t i = 0; i < instructions.size(); ++i) {
        const std::string problem = check_instruction(instructions.table(i), instructions.size());
        if (!problem.empty()) {
            return "instruction " + std::to_string(i) + " " + problem;
        }
    }
    return "";
}

std::string MethodCheck::check_instruction(const FlatbufferTable& instruction, size_t instructions) const {
    const FlatbufferTable call = instruction.table(1);
    if (!call.exists()) {
        return "is empty";
    }
    switch (instruction.number<uint8_t>(0)) {
        case kKernelCall:
        case kDelegateCall: {
            const bool kernel = instruction.number<uint8_t>(0) == kKernelCall;
            const auto callee = call.number<int32_t>(0);
            const size_t available = plan_.vector(kernel ? kOperators : kDelegates).size();
            if (callee < 0 || static_cast<size_t>(callee) >= available || !are_values(call.vector(1))) {
                return "calls something or passes something that does not exist";
            }
            return "";
        }
        case kMoveCall:
            return is_value(call.number<int32_t>(0)) && is_value(call.number<int32_t>(1)) ? ""
                                                                                          : "moves what does not exist";
        case kJumpFalseCall: {
            const auto target = call.number<int32_t>(1);
            const bool inside = target >= 0 && static_cast<size_t>(target) <= instructions;
            return inside && is_value(call.number<int32_t>(0)) ? "" : "jumps outside";
        }
        case kFreeCall:
            return is_value(call.number<int32_t>(0)) ? "" : "frees what does not exist";
        default:
            return "is of an unknown kind";
    }
}

std::vector<int32_t> MethodCheck::written_by(const FlatbufferVector& arguments) const {
    // An out variant names its result twice at the end: as the tensor to write and as what it returns.
    std::vector<int32_t> written;
    if (arguments.size() == 0) {
        return written;
    }
    const auto last = arguments.number<int32_t>(arguments.size() - 1);
    written.push_back(last);
    const Value& value = values_[static_cast<size_t>(last)];
    if (value.type == kTensorList) {
        const FlatbufferVector items = value.table.vector(0);
        for (size_t i = 0; i < items.size(); ++i) {
            written.push_back(items.number<int32_t>(i));
        }
    }
    return written;
}

bool MethodCheck::overlap(const Value& left, const Value& right) const {
    return left.buffer == right.buffer && left.begin < right.end && right.begin < left.end;
}

bool MethodCheck::has_state() const {
    std::set<int32_t> known;  // written so far
    const FlatbufferVector inputs = plan_.vector(kInputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
        known.insert(inputs.number<int32_t>(i));
    }
    std::set<int32_t> first_seen_in_delegate;
    // A view is another value on the same memory: what was written there is known by any name.
    const auto is_unknown = [&](int32_t index) {
        const Value& value = values_[static_cast<size_t>(index)];
        return value.is_planned && known.count(index) == 0 &&
               std::none_of(known.begin(), known.end(), [&](int32_t other) {
                   const Value& written = values_[static_cast<size_t>(other)];
                   return written.is_planned && overlap(value, written);
               });
    };
    const FlatbufferVector chains = plan_.vector(kChains);
    for (size_t c = 0; c < chains.size(); ++c) {
        const FlatbufferVector instructions = chains.table(c).vector(2);
        for (size_t i = 0; i < instructions.size(); ++i) {
            const FlatbufferTable instruction = instructions.table(i);
            const auto kind = instruction.number<uint8_t>(0);
            if (kind != kKernelCall && kind != kDelegateCall) {
                continue;
            }
            const FlatbufferVector arguments = instruction.table(1).vector(1);
            if (kind == kDelegateCall) {
                // A delegate's results are not marked; what a kernel writes later was no result of it but state.
                for (size_t a = 0; a < arguments.size(); ++a) {
                    const auto argument = arguments.number<int32_t>(a);
                    if (is_unknown(argument)) {
                        first_seen_in_delegate.insert(argument);
                        known.insert(argument);
                    }
                }
                continue;
            }
            const std::vector<int32_t> written = written_by(arguments);
            const std::set<int32_t> results(written.begin(), written.end());
            for (size_t a = 0; a + 1 < arguments.size(); ++a) {
                const auto argument = arguments.number<int32_t>(a);
                const bool is_result = results.count(argument) > 0;
                const bool read_too = is_result && a + 2 < arguments.size() && written.size() == 1;
                if (is_unknown(argument) && (!is_result || read_too)) {
                    return true;
                }
            }
            for (const int32_t result : written) {
                if (first_seen_in_delegate.count(result) > 0) {
                    return true;
                }
                known.insert(result);
            }
        }
    }
    return std::any_of(values_.begin(), values_.end(),
                       [](const Value& value) { return value.is_planned && value.has_initial_value; });
}

}  // namespace godot_executorch
