#pragma once

#include <string>

namespace godot_executorch {

// Read in every call, so without the function call that a thread-local variable of a library usually costs.
[[gnu::tls_model("initial-exec")]] inline thread_local bool log_was_captured = false;

/// ExecuTorch returns only error numbers; the text is in the lines that it logs. They are kept for
/// each thread until a failure takes them.
void capture_log(const char* message);
inline bool has_captured_log() {
    return log_was_captured;
}
/// The lines since the last take, joined by "; ".
std::string take_captured_log();

}  // namespace godot_executorch
