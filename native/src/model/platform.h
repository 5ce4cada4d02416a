#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "model/failure.h"

namespace godot_executorch {

enum class LogLevel : int { Silent = 0, Error = 1, Info = 2, Debug = 3 };

/// A folder that never exists: failures to open files in it are intended and are not logged.
constexpr const char* kNoFileFolder = "/proc/godot_executorch/";

using LogSink = void (*)(LogLevel level, const char* message);

/// Takes over ExecuTorch's logs and its abort. Call once, before anything else of ExecuTorch.
void install_platform(LogSink sink);
void set_log_level(LogLevel level);
LogLevel log_level();

/// The error lines that ExecuTorch logged in this thread since the last call, joined by "; ".
std::string take_captured_log();

/// The time that ExecuTorch last asked for in this thread, in nanoseconds.
int64_t last_platform_time();

/// ExecuTorch asks for the time in every delegate call, also when nobody reads it: its clock stands still at 0 unless
/// one of these lives.
class PlatformClock {
  public:
    PlatformClock();
    ~PlatformClock();
    PlatformClock(const PlatformClock&) = delete;
    PlatformClock& operator=(const PlatformClock&) = delete;
};

/// A fatal check inside ExecuTorch, turned into an exception.
struct FatalCheckError : std::exception {
    const char* what() const noexcept override { return "a fatal check inside ExecuTorch failed"; }
};

/// Marks that this thread's fatal checks are caught; elsewhere they still end the process.
class FatalCheckGuard {
  public:
    FatalCheckGuard();
    ~FatalCheckGuard();
    FatalCheckGuard(const FatalCheckGuard&) = delete;
    FatalCheckGuard& operator=(const FatalCheckGuard&) = delete;
};

Status fatal_check_status(const char* doing);

/// Runs `work` (which returns a Status); a fatal check inside becomes a FATAL_CHECK failure.
template <typename Work>
Status guarded(const char* doing, Work&& work) {
    const FatalCheckGuard guard;
    try {
        return std::forward<Work>(work)();
    } catch (const FatalCheckError&) {
        return fatal_check_status(doing);
    } catch (const std::exception& error) {
        return Status(Code::FatalCheck, std::string(doing) + ": " + error.what());
    }
}

}  // namespace godot_executorch
