#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/program/checks/flatbuffer_view.h"
#include "core/program/checks/plan_value.h"
#include "core/status.h"

namespace godot_executorch {

/// Constants that live in a segment: where each begins, and the segment's size.
struct ConstantTable {
    std::vector<uint64_t> offsets;
    uint64_t size = 0;
};

/// What a method may refer to.
struct ProgramTables {
    std::vector<uint64_t> segment_sizes;
    ConstantTable constants;
    std::vector<ConstantTable> mutable_constants;
    size_t constant_buffers = 0;
    size_t inline_delegate_data = 0;
};

/// Checks one method (an ExecutionPlan of the schema): everything that it names exists and lies inside.
class MethodCheck {
  public:
    MethodCheck(const FlatbufferTable& plan, const ProgramTables& tables) : plan_(plan), tables_(tables) {}

    std::string name() const { return std::string(plan_.text(0)); }
    Status check();
    /// The method's values, after check().
    const std::vector<PlanValue>& values() const { return values_; }

  private:
    Status check_planned_sizes() const;
    Status check_values();
    Status check_value(PlanValue& value) const;
    Status check_tensor(PlanValue& value) const;
    Status check_allocation(PlanValue& value, uint64_t bytes) const;
    Status check_constant(const FlatbufferTable& tensor, uint64_t bytes) const;
    Status check_items(const PlanValue& value) const;
    Status check_instruction(const FlatbufferTable& instruction, size_t instructions) const;
    Status check_delegate(const FlatbufferTable& delegate) const;
    bool are_values(const FlatbufferVector& indices) const;
    bool is_value(int64_t index) const { return index >= 0 && index < static_cast<int64_t>(values_.size()); }

    FlatbufferTable plan_;
    const ProgramTables& tables_;
    std::vector<PlanValue> values_;
};

}  // namespace godot_executorch
