#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/memory/static_block.h"
#include "core/method/loaded_method.h"
#include "core/metrics/tracer.h"
#include "core/program/loaded_program.h"
#include "core/session/memory_info.h"
#include "core/session/session_settings.h"
#include "core/session/sliced_run.h"

namespace godot_executorch {

/// One complete version of what a session runs: a program, its signatures and its loaded methods. A call keeps the
/// version that it began with, so a session can change to the next version at any time.
class SessionVersion {
  public:
    SessionVersion(std::shared_ptr<const LoadedProgram> program, std::vector<MethodSignature> signatures,
                   SessionSettings settings, double load_us);
    ~SessionVersion();
    SessionVersion(const SessionVersion&) = delete;
    SessionVersion& operator=(const SessionVersion&) = delete;

    // These never wait for a call.

    const std::shared_ptr<const LoadedProgram>& program() const { return program_; }
    std::vector<MethodSignature> signatures() const;
    Status method_signature(const std::string& method, MethodSignature& signature) const;
    /// Puts names and ranges into a method's signature.
    Status set_signature(const std::string& method, const std::vector<ValueHint>& inputs,
                         const std::vector<ValueHint>& outputs);
    /// False, and no change, once a method is loaded or being loaded.
    bool configure_memory(const SessionSettings& settings);
    /// What follows is done at once when no call runs and no sliced one has begun, else before the next call begins.
    Status set_level(OptimizationLevel level);
    Status set_trace(std::shared_ptr<TraceResults> trace);
    Status reset_state();
    /// While a call runs, this is the state before it.
    MemoryInfo memory_info();
    double load_us() const { return load_us_; }
    /// The session continues with another version.
    void retire() { is_retired_ = true; }
    bool is_retired() const { return is_retired_.load(std::memory_order_relaxed); }

    // These need the lock, which a call holds from its beginning to its end.

    std::mutex& mutex() { return mutex_; }
    Status ready_method(const std::string& name, LoadedMethod*& method);
    /// The method "forward", or null when ready_method() has work to do.
    LoadedMethod* ready_forward() const {
        const bool is_ready =
            forward_ != nullptr && !has_requests_.load(std::memory_order_acquire) && forward_->is_current();
        return is_ready ? forward_ : nullptr;
    }
    /// A sliced run that has begun and has not ended. Nothing else may touch the methods until then.
    bool has_sliced_run() const { return !sliced_run_.expired(); }
    std::shared_ptr<SlicedRun> sliced_run() const { return sliced_run_.lock(); }
    void set_sliced_run(const std::shared_ptr<SlicedRun>& run) { sliced_run_ = run; }
    MemoryPool* memory_pool() const { return memory_pool_.get(); }
    Tracer* tracer() const { return tracer_.get(); }
    /// What the caller keeps from call to call for this version.
    std::shared_ptr<void>& attachment() { return attachment_; }
    /// Gives up the methods after a fatal check; the version does not run again.
    void give_up();

  private:
    /// What only the destructors of ExecuTorch's objects release.
    struct Loaded {
        std::shared_ptr<const LoadedProgram> program;
        std::shared_ptr<MemoryPool> memory_pool;
        std::shared_ptr<Tracer> tracer;
        std::unique_ptr<StaticBlock> block;
        std::map<std::string, std::unique_ptr<LoadedMethod>> methods;
    };

    Status apply_when_idle();
    Status apply_requests();
    Status add_method(const MethodSignature& signature, LoadedMethod*& method);
    Status instantiate(const MethodSignature& signature, std::unique_ptr<LoadedMethod>& method);
    Status give_memory(const SessionSettings& settings, MemorySource& memory);
    Status check_block(size_t limit, std::unique_ptr<LoadedMethod>& method) const;
    /// Loads methods that are loaded once more, with their state. Those that cannot be are not loaded afterwards.
    Status reload(std::vector<std::string> names);
    std::vector<std::string> loaded_names() const;
    MemoryInfo measure_memory() const;
    void keep_signature(const MethodSignature& signature);
    Status unknown_method(const std::string& name) const;

    const std::shared_ptr<const LoadedProgram> program_;
    std::atomic<double> load_us_;
    std::atomic<bool> has_requests_{false};
    std::atomic<bool> is_retired_{false};

    mutable std::mutex wanted_mutex_;  // guards what follows, for moments only
    SessionSettings wanted_;
    std::vector<MethodSignature> signatures_;
    bool new_signatures_ = false;
    bool wants_reset_ = false;
    bool has_methods_ = false;
    MemoryInfo info_;  // as of the last measurement

    std::mutex mutex_;  // guards what follows
    std::shared_ptr<MemoryPool> memory_pool_;
    OptimizationLevel level_;
    std::shared_ptr<TraceResults> trace_;
    std::shared_ptr<Tracer> tracer_;
    std::unique_ptr<StaticBlock> block_;
    std::map<std::string, std::unique_ptr<LoadedMethod>> methods_;
    LoadedMethod* forward_ = nullptr;
    std::shared_ptr<void> attachment_;
    std::weak_ptr<SlicedRun> sliced_run_;
    bool is_given_up_ = false;
};

}  // namespace godot_executorch
