#include "core/program/checks/state_check.h"

#include <algorithm>

#include "core/program/checks/plan_schema.h"

namespace godot_executorch {
namespace {

using namespace plan_schema;

bool overlap(const PlanValue& left, const PlanValue& right) {
    return left.buffer == right.buffer && left.begin < right.end && right.begin < left.end;
}

}  // namespace

bool StateCheck::has_state() {
    const FlatbufferVector inputs = plan_.vector(kInputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
        written_.insert(inputs.number<int32_t>(i));
    }
    const FlatbufferVector chains = plan_.vector(kChains);
    for (size_t c = 0; c < chains.size(); ++c) {
        const FlatbufferVector instructions = chains.table(c).vector(2);
        for (size_t i = 0; i < instructions.size(); ++i) {
            const auto kind = instructions.table(i).number<uint8_t>(0);
            const FlatbufferVector arguments = instructions.table(i).table(1).vector(1);
            if (kind == kDelegateCall) {
                note_delegate_call(arguments);
            } else if (kind == kKernelCall && kernel_reads_state(arguments)) {
                return true;
            }
        }
    }
    return std::any_of(values_.begin(), values_.end(),
                       [](const PlanValue& value) { return value.is_planned && value.has_initial_value; });
}

void StateCheck::note_delegate_call(const FlatbufferVector& arguments) {
    // A delegate's results are not marked. What a kernel writes later was not one of them, but state.
    for (size_t a = 0; a < arguments.size(); ++a) {
        const auto argument = arguments.number<int32_t>(a);
        if (is_unwritten(argument)) {
            first_seen_in_delegate_.insert(argument);
            written_.insert(argument);
        }
    }
}

bool StateCheck::kernel_reads_state(const FlatbufferVector& arguments) {
    const std::vector<int32_t> written = written_by(arguments);
    const std::set<int32_t> results(written.begin(), written.end());
    for (size_t a = 0; a + 1 < arguments.size(); ++a) {
        const auto argument = arguments.number<int32_t>(a);
        const bool is_result = results.count(argument) > 0;
        const bool read_too = is_result && a + 2 < arguments.size() && written.size() == 1;
        if (is_unwritten(argument) && (!is_result || read_too)) {
            return true;
        }
    }
    for (const int32_t result : written) {
        if (first_seen_in_delegate_.count(result) > 0) {
            return true;
        }
        written_.insert(result);
    }
    return false;
}

bool StateCheck::is_unwritten(int32_t index) const {
    const PlanValue& value = values_[static_cast<size_t>(index)];
    if (!value.is_planned || written_.count(index) > 0) {
        return false;
    }
    // A view is another value on the same memory: what was written there is written under any name.
    return std::none_of(written_.begin(), written_.end(), [&](int32_t other) {
        const PlanValue& known = values_[static_cast<size_t>(other)];
        return known.is_planned && overlap(value, known);
    });
}

std::vector<int32_t> StateCheck::written_by(const FlatbufferVector& arguments) const {
    // An out variant names its result twice at the end: as the tensor to write and as what it returns.
    std::vector<int32_t> written;
    if (arguments.size() == 0) {
        return written;
    }
    const auto last = arguments.number<int32_t>(arguments.size() - 1);
    written.push_back(last);
    const PlanValue& value = values_[static_cast<size_t>(last)];
    if (value.type == kTensorList) {
        const FlatbufferVector items = value.table.vector(0);
        for (size_t i = 0; i < items.size(); ++i) {
            written.push_back(items.number<int32_t>(i));
        }
    }
    return written;
}

}  // namespace godot_executorch
