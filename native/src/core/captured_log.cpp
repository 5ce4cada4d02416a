#include "core/captured_log.h"

#include <cstddef>
#include <utility>

namespace godot_executorch {
namespace {

constexpr size_t kLimit = 2000;

thread_local std::string captured;

}  // namespace

void capture_log(const char* message) {
    if (captured.size() >= kLimit) {
        return;
    }
    if (!captured.empty()) {
        captured += "; ";
    }
    captured += message;
    log_was_captured = true;
}

std::string take_captured_log() {
    log_was_captured = false;
    return std::exchange(captured, {});
}

}  // namespace godot_executorch
