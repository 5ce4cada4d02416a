#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/metrics/call_metrics.h"
#include "core/metrics/spin_lock.h"
#include "core/program/open_program.h"
#include "core/session/call.h"
#include "core/session/memory_info.h"
#include "core/session/session_settings.h"
#include "core/session/session_version.h"
#include "core/session/sliced_run.h"
#include "core/tensor/tensor_value.h"

namespace godot_executorch {

/// A program with its own methods, memory, state and metrics. Calls from several threads run one after the other. Only
/// calls, load_method() and save_etdump() wait for a running call; a load replaces what the session runs at once, and
/// calls that have begun end on the version that they began with.
class Session {
  public:
    Session() = default;
    ~Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Status load_from_file(const std::string& path, const LoadOptions& options = {});
    Status load_from_buffer(const void* data, size_t size, const LoadOptions& options = {});
    Status load_from_stream(ReadAt read, size_t size, const LoadOptions& options = {});
    /// The same program and weights; settings are copied, state is not.
    std::unique_ptr<Session> new_session() const;
    /// Continues as such a session of the other one.
    void become_session_of(const Session& other);
    void clear();
    bool is_loaded() const { return is_loaded_; }

    std::vector<std::string> method_names() const;
    Status method_signature(const std::string& method, MethodSignature& signature) const;
    Status set_signature(const std::string& method, const std::vector<ValueHint>& inputs,
                         const std::vector<ValueHint>& outputs);
    Status load_method(const std::string& method);
    /// Before the next call, when one runs now. So are the level and profiling.
    Status reset_state();

    /// Inputs by position; the outputs are copies.
    Status forward(const std::vector<TensorValue>& inputs, std::vector<TensorValue>& outputs);
    Status execute(const std::string& method, const std::vector<TensorValue>& inputs,
                   std::vector<TensorValue>& outputs);

    /// Begins or continues a sliced run for so long: at least one instruction, unless another call runs now. A run
    /// whose end was reached is_done().
    void advance(const std::shared_ptr<SlicedRun>& run, std::chrono::nanoseconds budget);

    Status configure_memory(MemoryPolicy policy, size_t limit_bytes);
    Status set_memory_pool(std::shared_ptr<MemoryPool> pool);
    Status set_optimization_level(OptimizationLevel level);
    /// Traces operators from the next call on. Methods are loaded again (with their state), because only a method
    /// without a tracer costs nothing.
    Status enable_profiling(bool enabled);
    /// Empty while profiling is off.
    Profile get_profile() const;
    Status save_etdump(const std::string& path);

    /// While a call runs, this is the state before it.
    MemoryInfo get_memory_info() const;
    StatisticsReport get_statistics() const { return metrics_.report(); }
    void reset_statistics() { metrics_.reset_statistics(); }
    CallMetrics& metrics() { return metrics_; }
    double load_us() const;
    /// Milliseconds.
    double get_last_inference_time() const { return metrics_.last_us() / 1000.0; }

  private:
    friend class Call;

    Status adopt(std::unique_ptr<DataSource> source, const LoadOptions& options);
    /// What the session runs now; null when nothing is loaded.
    std::shared_ptr<SessionVersion> current() const;
    /// For calls: the current version with its lock, or with a reference in `to_wait_for` when it is not free. This
    /// saves counting references, which would be a twentieth of a small call.
    SessionVersion* enter(std::shared_ptr<SessionVersion>& to_wait_for);
    void replace(std::shared_ptr<SessionVersion> version);
    /// Destroys replaced versions in which no call runs any more.
    void release_retired();
    /// After a fatal check in it.
    void give_up(SessionVersion& version);
    SessionSettings settings() const;

    mutable SpinLock version_lock_;  // for the pointer alone
    std::shared_ptr<SessionVersion> version_;
    std::mutex retired_mutex_;
    std::vector<std::shared_ptr<SessionVersion>> retired_;
    mutable std::mutex settings_mutex_;
    SessionSettings settings_;
    CallMetrics metrics_;
    std::atomic<bool> is_loaded_{false};
};

}  // namespace godot_executorch
