#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/flatbuffer_view.h"

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

/// Looks through one method (an ExecutionPlan of the schema).
class MethodCheck {
  public:
    MethodCheck(const FlatbufferTable& plan, const ProgramTables& tables) : plan_(plan), tables_(tables) {}

    std::string name() const { return std::string(plan_.text(0)); }
    /// What is wrong, or nothing.
    std::string find_problem();
    /// Whether a planned tensor is read before it is written: it keeps its value between calls. After find_problem().
    bool has_state() const;

  private:
    struct Value {
        uint8_t type = 0;
        bool is_planned = false;
        bool has_initial_value = false;
        uint32_t buffer = 0;  // where a planned tensor lies
        uint64_t begin = 0;
        uint64_t end = 0;
        FlatbufferTable table;
    };

    std::string check_value(size_t index);
    std::string check_tensor(Value& value);
    std::string check_constant(const FlatbufferTable& tensor, uint64_t bytes) const;
    std::string check_items(const Value& value) const;
    std::string check_instructions(const FlatbufferTable& chain);
    std::string check_instruction(const FlatbufferTable& instruction, size_t instructions) const;
    std::string check_delegate(const FlatbufferTable& delegate) const;
    bool are_values(const FlatbufferVector& indices) const;
    bool is_value(int64_t index) const { return index >= 0 && index < static_cast<int64_t>(values_.size()); }
    bool overlap(const Value& left, const Value& right) const;
    std::vector<int32_t> written_by(const FlatbufferVector& arguments) const;

    FlatbufferTable plan_;
    const ProgramTables& tables_;
    std::vector<Value> values_;
};

}  // namespace godot_executorch
