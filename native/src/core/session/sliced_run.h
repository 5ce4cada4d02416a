#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/method/loaded_method.h"

namespace godot_executorch {

class Call;
class SessionVersion;

/// A call that runs some instructions at a time (Session::advance). Between them no lock is held: another call of the
/// session first runs the rest of this one. It keeps the version that it began with. When it is dropped before its end,
/// the method is loaded again for the next call, with the state from before this one.
class SlicedRun {
  public:
    /// Sets the inputs, whose memory must live as long as the run; once more when the method had to be loaded again.
    using Give = std::function<Status(Call&)>;
    /// Reads the outputs, in the thread that ran the last instruction.
    using Take = std::function<void(Call&)>;

    SlicedRun(std::string method, Give give, Take take)
        : method_(std::move(method)), give_(std::move(give)), take_(std::move(take)) {}

    bool is_done() const { return is_done_.load(std::memory_order_acquire); }
    /// Once it is done.
    const Status& status() const { return status_; }

  private:
    friend class Call;

    const std::string method_;
    const Give give_;
    const Take take_;
    std::shared_ptr<SessionVersion> version_;  // null before the first slice; its lock guards what follows
    LoadedMethod* loaded_ = nullptr;           // null while no instruction has run
    int64_t start_ = 0;
    int64_t duration_ = 0;
    Status status_;
    std::atomic<bool> is_done_{false};
};

}  // namespace godot_executorch
