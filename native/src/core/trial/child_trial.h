#pragma once

#include <functional>
#include <string>

#include "core/platform/child_process.h"
#include "core/status.h"

namespace godot_executorch {

struct ChildResult {
    ChildEnd end = ChildEnd::Ran;
    std::string detail;  // the failure's cause, or how it crashed
    int code = 0;        // of the failure, with its remedy
    std::string remedy;
};

/// Does `work` in a child process and waits for its end; its failure is the child's answer. No other thread is inside
/// ExecuTorch at the moment of the fork, so the child finds none of its locks taken.
ChildResult run_in_child(int seconds, const std::function<Status()>& work);

}  // namespace godot_executorch
