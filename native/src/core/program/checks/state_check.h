#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "core/program/checks/flatbuffer_view.h"
#include "core/program/checks/plan_value.h"

namespace godot_executorch {

/// Whether a method keeps values between calls: it reads a planned tensor before it writes it, or one has an initial
/// value. For a method that MethodCheck has passed.
class StateCheck {
  public:
    StateCheck(const FlatbufferTable& plan, const std::vector<PlanValue>& values) : plan_(plan), values_(values) {}

    bool has_state();

  private:
    bool kernel_reads_state(const FlatbufferVector& arguments);
    void note_delegate_call(const FlatbufferVector& arguments);
    bool is_unwritten(int32_t index) const;
    std::vector<int32_t> written_by(const FlatbufferVector& arguments) const;

    FlatbufferTable plan_;
    const std::vector<PlanValue>& values_;
    std::set<int32_t> written_;
    std::set<int32_t> first_seen_in_delegate_;
};

}  // namespace godot_executorch
