#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "model/loaded_method.h"
#include "model/pool_gate.h"

namespace godot_executorch {

class Model;

/// One locked use of a method: give inputs, execute, read outputs. The lock is held until destruction.
class Call {
  public:
    explicit Call(Model& model);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    Status begin(const std::string& method);
    /// The same as begin("forward"), without a lookup.
    Status begin_forward();

    const MethodSignature& signature() const { return method_->signature(); }
    LoadedMethod& method() { return *method_; }
    /// Runs and counts. After a fatal check the model is cleared and the method is gone.
    Status execute();
    /// Counts a call whose inputs were refused.
    void refuse(int error);
    const executorch::runtime::EValue& output(size_t index) const { return method_->output(index); }

  private:
    Status lock_pool();

    Model& model_;
    std::unique_lock<std::mutex> lock_;
    // After the lock, as everywhere: a pause waits for those who use the pool, so they must not wait for who pauses.
    std::optional<PoolUse> pool_use_;
    std::unique_lock<std::mutex> pool_lock_;
    LoadedMethod* method_ = nullptr;
};

}  // namespace godot_executorch
