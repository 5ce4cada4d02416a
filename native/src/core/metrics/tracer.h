#pragma once

#include <executorch/runtime/core/event_tracer.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/metrics/call_dump.h"
#include "core/metrics/profile.h"
#include "core/metrics/trace_results.h"
#include "core/runtime/hooks.h"
#include "core/status.h"

namespace godot_executorch {

/// Passes the events of calls to TraceResults, and to an ETDump where its library is there. Used by one thread at a
/// time.
class Tracer final : public executorch::runtime::EventTracer {
  public:
    static constexpr size_t kEventsPerCall = 4096;
    static constexpr size_t kCallsPerDump = 64;

    explicit Tracer(std::shared_ptr<TraceResults> results);
    ~Tracer() override;

    /// Around a method's load or execution.
    void begin_load();
    void begin_call(const std::string& method, const std::string& backend);
    /// After begin_call(), of a call that runs step by step: what Method::execute() traces itself.
    void begin_slices();
    void end_call(uint64_t sequence, int64_t start, int64_t duration);

    const std::shared_ptr<TraceResults>& results() const { return results_; }
    /// The calls since the last dump began, at most kCallsPerDump. Not while a call runs.
    Status save_etdump(const std::string& path);

    void create_event_block(const char* name) override;
    executorch::runtime::EventTracerEntry start_profiling(const char* name, executorch::runtime::ChainID chain,
                                                          executorch::runtime::DebugHandle handle) override;
    void end_profiling(executorch::runtime::EventTracerEntry entry) override;
    executorch::runtime::EventTracerEntry start_profiling_delegate(
        const char* name, executorch::runtime::DelegateDebugIntId index) override;
    void end_profiling_delegate(executorch::runtime::EventTracerEntry entry, const void* metadata,
                                size_t size) override;
    void log_profiling_delegate(const char* name, executorch::runtime::DelegateDebugIntId index, et_timestamp_t start,
                                et_timestamp_t end, const void* metadata, size_t size) override;
    void track_allocation(executorch::runtime::AllocatorID id, size_t size) override;
    executorch::runtime::AllocatorID track_allocator(const char* name) override;

    // Values are not recorded: only times are.
    using Tensor = executorch::runtime::etensor::Tensor;
    using TensorList = executorch::runtime::ArrayRef<Tensor>;
    using Index = executorch::runtime::DelegateDebugIntId;
    executorch::runtime::Result<bool> log_evalue(const executorch::runtime::EValue&,
                                                 executorch::runtime::LoggedEValueType) override {
        return false;
    }
    executorch::runtime::Result<bool> log_intermediate_output_delegate(const char*, Index, const Tensor&) override {
        return false;
    }
    executorch::runtime::Result<bool> log_intermediate_output_delegate(const char*, Index, TensorList) override {
        return false;
    }
    executorch::runtime::Result<bool> log_intermediate_output_delegate(const char*, Index, const int&) override {
        return false;
    }
    executorch::runtime::Result<bool> log_intermediate_output_delegate(const char*, Index, const bool&) override {
        return false;
    }
    executorch::runtime::Result<bool> log_intermediate_output_delegate(const char*, Index, const double&) override {
        return false;
    }
    void set_delegation_intermediate_output_filter(executorch::runtime::EventTracerFilterBase*) override {}

  private:
    struct Open {
        std::string name;
        executorch::runtime::EventTracerEntry dumped;
        int64_t start_ns;
        int64_t instruction;
        size_t events_before;
    };

    int64_t open(const char* name, const executorch::runtime::EventTracerEntry& dumped, int64_t instruction);
    void add_event(const std::string& name, bool in_delegate, int64_t start_ns, int64_t end_ns, int64_t instruction);
    void fresh_dump();
    int64_t end_time() const;
    int64_t current_instruction() const;

    RuntimeClock clock_;
    std::unique_ptr<CallDump> dump_;
    std::vector<uint8_t> saved_dump_;
    size_t dumped_calls_ = 0;
    bool is_executing_ = false;
    std::string backend_;
    TracedCall current_;
    int64_t current_start_ns_ = 0;
    std::map<int64_t, Open> open_;
    std::optional<executorch::runtime::EventTracerEntry> sliced_;
    int64_t next_id_ = 1;
    std::vector<std::string> allocators_;
    const std::shared_ptr<TraceResults> results_;
};

}  // namespace godot_executorch
