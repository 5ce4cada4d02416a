#include "core/platform/child_process.h"

#include <cstdlib>

namespace godot_executorch {

// Windows cannot copy a process, so there is no trial: only programs with a known SHA-256 are loaded.
ChildProcess::ChildProcess() : not_started_("Windows cannot copy a process") {
}

ChildProcess::~ChildProcess() = default;

void ChildProcess::work_and_end(int, const std::function<std::string()>&) {
    std::abort();  // no child is ever started
}

ChildReport ChildProcess::wait(int) {
    return {ChildEnd::NotStarted, not_started_};
}

}  // namespace godot_executorch
