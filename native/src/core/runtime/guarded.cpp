#include "core/runtime/guarded.h"

#include "core/runtime/thread_pool.h"

namespace godot_executorch {

Status fatal_check_status(const char* doing) {
    std::string cause = std::string(doing) + ": a fatal check inside ExecuTorch failed";
    const std::string detail = take_captured_log();
    replace_thread_pool();
    if (!detail.empty()) {
        cause += ": " + detail;
    }
    return Status(Code::FatalCheck, std::move(cause));
}

}  // namespace godot_executorch
