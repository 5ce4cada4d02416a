#pragma once

#include <cstdint>

namespace godot_executorch {

enum class LogLevel : int { Silent = 0, Error = 1, Info = 2, Debug = 3 };

using LogSink = void (*)(LogLevel level, const char* message);

/// Replaces the targets of ExecuTorch's logs and its abort. Call once, before anything else of ExecuTorch.
void install_hooks(LogSink sink);
void set_log_level(LogLevel level);
LogLevel log_level();

/// The time that ExecuTorch last asked for in this thread, in nanoseconds.
int64_t last_runtime_time();

/// ExecuTorch reads the time in every delegate call, needed or not. While none of these objects exists, its clock
/// returns 0 at once.
class RuntimeClock {
  public:
    RuntimeClock();
    ~RuntimeClock();
    RuntimeClock(const RuntimeClock&) = delete;
    RuntimeClock& operator=(const RuntimeClock&) = delete;
};

}  // namespace godot_executorch
