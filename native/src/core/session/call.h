#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/method/loaded_method.h"
#include "core/metrics/tracer.h"
#include "core/runtime/thread_pool_gate.h"

namespace godot_executorch {

class Session;
class SessionVersion;
class SlicedRun;

/// One call of a method: set inputs, execute, read outputs. It keeps the version of the session that it began with, and
/// holds that version's lock until it is destroyed.
class Call {
  public:
    using Deadline = LoadedMethod::Deadline;

    /// Runs the rest of a sliced run that has begun in the session.
    explicit Call(Session& session);
    /// Continues a sliced run. Does not wait: when another call runs, advance() does nothing.
    Call(Session& session, const SlicedRun& run);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    Status begin(const std::string& method);
    /// The same as begin("forward"), without a lookup.
    Status begin_forward();

    /// False when nothing is loaded.
    bool has_version() const { return version_ != nullptr; }
    Tracer* tracer() const;
    const MethodSignature& signature() const { return method_->signature(); }
    LoadedMethod& method() { return *method_; }
    /// What the caller keeps from call to call; a new version begins with null. After a successful begin().
    std::shared_ptr<void>& attachment();
    /// Runs and counts. After a fatal check the session is cleared and the method no longer exists.
    Status execute();
    /// Begins or continues a sliced run, at least one instruction, and ends it when it is at its end.
    void advance(const std::shared_ptr<SlicedRun>& run, Deadline deadline);
    /// Counts a call whose inputs were refused.
    void refuse(int error);
    const executorch::runtime::EValue& output(size_t index) const { return method_->output(index); }

  private:
    Status lock_memory_pool();
    void begin_trace();
    /// Counts the method's run and ends its trace. After a fatal check the session is cleared.
    Status settle(Status status, int64_t start, int64_t duration);
    Status begin(const std::shared_ptr<SlicedRun>& run);
    void end(SlicedRun& run, Status status);

    Session& session_;
    std::shared_ptr<SessionVersion> waited_;  // the version, when its lock was not free at once
    SessionVersion* version_;                 // null when nothing is loaded; its lock is held
    // After the lock, as everywhere: a pause waits for all uses of the thread pool, so no use may wait for a pause.
    std::optional<ThreadPoolUse> thread_pool_use_;
    std::unique_lock<std::mutex> memory_pool_lock_;
    LoadedMethod* method_ = nullptr;
};

}  // namespace godot_executorch
