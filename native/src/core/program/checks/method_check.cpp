#include "core/program/checks/method_check.h"

#include <set>

#include "core/program/checks/plan_schema.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace godot_executorch {
namespace {

using namespace plan_schema;

constexpr uint64_t kMaximumBytes = uint64_t{1} << 40;
constexpr int8_t kExternal = 1;

Status invalid(std::string what) {
    return Status(Code::StructureInvalid, std::move(what));
}

/// Checks every table of a vector; a failure names the one that it is about.
template <typename Check>
Status check_each(const FlatbufferVector& tables, const char* what, Check check) {
    for (size_t i = 0; i < tables.size(); ++i) {
        Status status = check(tables.table(i));
        if (!status.ok()) {
            return std::move(status).within(std::string(what) + " " + std::to_string(i) + " ");
        }
    }
    return {};
}

}  // namespace

Status MethodCheck::check() {
    if (name().empty()) {
        return invalid("it has no name");
    }
    Status status = check_planned_sizes();
    status = status.ok() ? check_values() : std::move(status);
    if (status.ok() && (!are_values(plan_.vector(kInputs)) || !are_values(plan_.vector(kOutputs)))) {
        return invalid("an input or output names a value that does not exist");
    }
    if (status.ok()) {
        status = check_each(plan_.vector(kOperators), "operator", [](const FlatbufferTable& called) {
            return called.text(0).empty() ? invalid("has no name") : Status();
        });
    }
    if (status.ok()) {
        status = check_each(plan_.vector(kDelegates), "delegate",
                            [this](const FlatbufferTable& delegate) { return check_delegate(delegate); });
    }
    const FlatbufferVector chains = plan_.vector(kChains);
    for (size_t i = 0; status.ok() && i < chains.size(); ++i) {
        const FlatbufferVector instructions = chains.table(i).vector(2);
        status = check_each(instructions, "instruction", [&](const FlatbufferTable& instruction) {
            return check_instruction(instruction, instructions.size());
        });
    }
    return status.ok() && chains.size() == 0 ? invalid("it has no instructions") : std::move(status);
}

Status MethodCheck::check_planned_sizes() const {
    const FlatbufferVector planned = plan_.vector(kPlannedSizes);
    uint64_t total = 0;
    for (size_t i = 0; i < planned.size(); ++i) {
        const auto size = planned.number<int64_t>(i);
        if (size < 0 || static_cast<uint64_t>(size) > kMaximumBytes) {
            return invalid("planned buffer " + std::to_string(i) + " has " + std::to_string(size) + " bytes");
        }
        total += static_cast<uint64_t>(size);
        if (total > kMaximumBytes) {  // many of them could count around to a small number
            return invalid("its planned buffers have more than " + std::to_string(kMaximumBytes) + " bytes");
        }
    }
    return {};
}

Status MethodCheck::check_values() {
    const FlatbufferVector values = plan_.vector(kValues);
    values_.resize(values.holds(4) ? values.size() : 0);
    for (size_t i = 0; i < values_.size(); ++i) {
        const FlatbufferTable value = values.table(i);
        values_[i].type = value.number<uint8_t>(0);
        values_[i].table = value.table(1);
    }
    for (size_t i = 0; i < values_.size(); ++i) {
        Status status = check_value(values_[i]);
        if (!status.ok()) {
            return std::move(status).within("value " + std::to_string(i) + " ");
        }
    }
    // Lists name other values, so these are known first.
    for (const PlanValue& value : values_) {
        Status status = check_items(value);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

Status MethodCheck::check_value(PlanValue& value) const {
    if (value.type < kNull || value.type > kOptionalTensorList || !value.table.exists()) {
        return invalid("has no known type");
    }
    if (value.type == kString) {
        value.table.text(0);
    }
    return value.type == kTensor ? check_tensor(value) : Status();
}

Status MethodCheck::check_tensor(PlanValue& value) const {
    const FlatbufferTable& tensor = value.table;
    const FlatbufferVector sizes = tensor.vector(kSizes);
    const FlatbufferVector order = tensor.vector(kDimOrder);
    if (!sizes.holds(4) || sizes.size() > kMaximumRank || order.size() != sizes.size()) {
        return invalid("has sizes and an order of dimensions that do not match");
    }
    std::set<uint8_t> dimensions;
    uint64_t elements = 1;
    for (size_t i = 0; i < sizes.size(); ++i) {
        const auto size = sizes.number<int32_t>(i);
        if (size < 0 || (size > 0 && elements > kMaximumBytes / static_cast<uint64_t>(size))) {
            return invalid("has a size of " + std::to_string(size));
        }
        elements *= static_cast<uint64_t>(size);
        const auto dimension = order.number<uint8_t>(i);
        if (dimension >= sizes.size() || !dimensions.insert(dimension).second) {
            return invalid("has a wrong order of dimensions");
        }
    }
    if (tensor.number<int32_t>(kStorageOffset) != 0 || tensor.number<int8_t>(kDynamism) > 2 ||
        tensor.number<int8_t>(kDynamism) < 0) {
        return invalid("has a storage offset or dynamism that is not supported");
    }
    const uint64_t bytes = elements * dtype_size(static_cast<Dtype>(tensor.number<int8_t>(kScalarType)));
    if (tensor.table(kAllocation).exists()) {
        Status status = check_allocation(value, bytes);
        if (!status.ok()) {
            return status;
        }
    }
    value.has_initial_value = tensor.number<uint32_t>(kDataBuffer) > 0;
    return value.has_initial_value ? check_constant(tensor, bytes) : Status();
}

Status MethodCheck::check_allocation(PlanValue& value, uint64_t bytes) const {
    const FlatbufferTable allocation = value.table.table(kAllocation);
    const FlatbufferVector planned = plan_.vector(kPlannedSizes);
    const auto buffer = allocation.number<uint32_t>(0);
    const uint64_t high = allocation.number<uint32_t>(2);
    const uint64_t offset = allocation.number<uint32_t>(1) | high << 32;
    if (buffer >= planned.size()) {
        return invalid("lies in planned buffer " + std::to_string(buffer) + ", which does not exist");
    }
    const auto capacity = static_cast<uint64_t>(planned.number<int64_t>(buffer));
    if (offset > capacity || bytes > capacity - offset) {
        return invalid("lies outside planned buffer " + std::to_string(buffer));
    }
    value.is_planned = true;
    value.buffer = buffer;
    value.begin = offset;
    value.end = offset + bytes;
    return {};
}

Status MethodCheck::check_constant(const FlatbufferTable& tensor, uint64_t bytes) const {
    const auto index = tensor.number<uint32_t>(kDataBuffer);
    const FlatbufferTable extra = tensor.table(kExtraInfo);
    if (extra.exists() && extra.number<int8_t>(2) == kExternal) {
        return extra.text(1).empty() ? invalid("has external data without a name") : Status();
    }
    const ConstantTable* constants = &tables_.constants;
    if (tensor.table(kAllocation).exists()) {
        const auto segment = extra.number<uint64_t>(0);
        if (segment >= tables_.mutable_constants.size()) {
            return invalid("has initial data in a segment that does not exist");
        }
        constants = &tables_.mutable_constants[segment];
    }
    if (constants->offsets.empty()) {
        return index < tables_.constant_buffers ? Status() : invalid("has constant data that does not exist");
    }
    if (index >= constants->offsets.size() || bytes > constants->size - constants->offsets[index]) {
        return invalid("has constant data outside its segment");
    }
    return {};
}

Status MethodCheck::check_items(const PlanValue& value) const {
    if (value.type < kIntList) {
        return {};
    }
    const FlatbufferVector items = value.table.vector(0);
    const auto names = [&](int64_t item, uint8_t type) {
        return is_value(item) && values_[static_cast<size_t>(item)].type == type;
    };
    const bool optional = value.type == kOptionalTensorList;
    for (size_t i = 0; i < items.size(); ++i) {
        if (value.type == kIntList && (!items.holds(8) || !names(items.number<int64_t>(i), kInt))) {
            return invalid("a list of integers names something else");
        }
        if (value.type == kDoubleList && !items.holds(8)) {
            return invalid("a list of numbers is cut short");
        }
        if (value.type == kTensorList || optional) {
            const auto item = items.number<int32_t>(i);
            if (!names(item, kTensor) && !(optional && (item == -1 || names(item, kNull)))) {
                return invalid("a list of tensors names something else");
            }
        }
    }
    return {};
}

Status MethodCheck::check_delegate(const FlatbufferTable& delegate) const {
    const FlatbufferTable processed = delegate.table(1);
    const auto index = processed.number<uint32_t>(1);
    const bool in_segment = processed.number<int8_t>(0) == 1;
    const size_t available = in_segment ? tables_.segment_sizes.size() : tables_.inline_delegate_data;
    if (delegate.text(0).empty() || index >= available) {
        return invalid("has no name or no data");
    }
    const FlatbufferVector specs = delegate.vector(2);
    for (size_t i = 0; i < specs.size(); ++i) {
        specs.table(i).text(0);
        specs.table(i).vector(1);
    }
    return {};
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

Status MethodCheck::check_instruction(const FlatbufferTable& instruction, size_t instructions) const {
    const FlatbufferTable call = instruction.table(1);
    if (!call.exists()) {
        return invalid("is empty");
    }
    switch (instruction.number<uint8_t>(0)) {
        case kKernelCall:
        case kDelegateCall: {
            const bool kernel = instruction.number<uint8_t>(0) == kKernelCall;
            const auto callee = call.number<int32_t>(0);
            const size_t available = plan_.vector(kernel ? kOperators : kDelegates).size();
            if (callee < 0 || static_cast<size_t>(callee) >= available || !are_values(call.vector(1))) {
                return invalid("calls something or passes something that does not exist");
            }
            return {};
        }
        case kMoveCall:
            if (!is_value(call.number<int32_t>(0)) || !is_value(call.number<int32_t>(1))) {
                return invalid("moves a value that does not exist");
            }
            return {};
        case kJumpFalseCall: {
            const auto target = call.number<int32_t>(1);
            const bool inside = target >= 0 && static_cast<size_t>(target) <= instructions;
            if (!inside || !is_value(call.number<int32_t>(0))) {
                return invalid("jumps outside of its chain");
            }
            return {};
        }
        case kFreeCall:
            return is_value(call.number<int32_t>(0)) ? Status() : invalid("frees a value that does not exist");
        default:
            return invalid("is of an unknown kind");
    }
}

}  // namespace godot_executorch
