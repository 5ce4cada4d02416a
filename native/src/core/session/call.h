#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/method/loaded_method.h"
#include "core/runtime/thread_pool_gate.h"

namespace godot_executorch {

class Session;
class SessionVersion;

/// One call of a method: set inputs, execute, read outputs. It keeps the version of the session that it began with, and
/// holds that version's lock until it is destroyed.
class Call {
  public:
    explicit Call(Session& session);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    Status begin(const std::string& method);
    /// The same as begin("forward"), without a lookup.
    Status begin_forward();

    const MethodSignature& signature() const { return method_->signature(); }
    LoadedMethod& method() { return *method_; }
    /// What the caller keeps from call to call; a new version begins with null. After a successful begin().
    std::shared_ptr<void>& attachment();
    /// Runs and counts. After a fatal check the session is cleared and the method no longer exists.
    Status execute();
    /// Counts a call whose inputs were refused.
    void refuse(int error);
    const executorch::runtime::EValue& output(size_t index) const { return method_->output(index); }

  private:
    Status lock_memory_pool();

    Session& session_;
    std::shared_ptr<SessionVersion> waited_;  // the version, when its lock was not free at once
    SessionVersion* version_;                 // null when nothing is loaded; its lock is held
    // After the lock, as everywhere: a pause waits for all uses of the thread pool, so no use may wait for a pause.
    std::optional<ThreadPoolUse> thread_pool_use_;
    std::unique_lock<std::mutex> memory_pool_lock_;
    LoadedMethod* method_ = nullptr;
};

}  // namespace godot_executorch
