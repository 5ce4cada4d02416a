#pragma once

#include <functional>
#include <string>

#include "model/failure.h"

namespace godot_executorch {

enum class ChildEnd { Ran, Refused, Crashed, TookTooLong, NotStarted };

struct ChildResult {
    ChildEnd end = ChildEnd::Ran;
    std::string detail;  // the failure's cause, or how it crashed
    int code = 0;        // of the failure, with its remedy
    std::string remedy;
};

/// Does `work` in a fork of this process and waits for its end; a crash or a hang there is a result here. Nobody else
/// is inside ExecuTorch at the moment of the fork, so no lock of its is taken for good in the child.
ChildResult run_in_child(int seconds, const std::function<Status()>& work);

}  // namespace godot_executorch
