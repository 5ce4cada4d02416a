#pragma once

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "core/captured_log.h"
#include "core/status.h"

namespace godot_executorch {

/// A fatal check inside ExecuTorch, turned into an exception.
struct FatalCheckError : std::exception {
    const char* what() const noexcept override { return "a fatal check inside ExecuTorch failed"; }
};

/// Marks that this thread's fatal checks are caught; elsewhere they still end the process. Errors that ExecuTorch logs
/// meanwhile are captured.
class FatalCheckGuard {
  public:
    FatalCheckGuard() {
        if (depth_++ == 0 && has_captured_log()) {
            take_captured_log();  // of another piece of work
        }
    }
    ~FatalCheckGuard() { --depth_; }
    FatalCheckGuard(const FatalCheckGuard&) = delete;
    FatalCheckGuard& operator=(const FatalCheckGuard&) = delete;

    static bool is_active() { return depth_ > 0; }

  private:
    // Used in every call, so without the function call that a thread-local variable of a library usually costs.
    [[gnu::tls_model("initial-exec")]] static inline thread_local int depth_ = 0;
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
    } catch (const std::bad_alloc&) {
        return Status(executorch::runtime::Error::MemoryAllocationFailed,
                      std::string(doing) + ": the system has no memory left for it");
    } catch (const std::exception& error) {
        return Status(Code::FatalCheck, std::string(doing) + ": " + error.what());
    }
}

}  // namespace godot_executorch
