#pragma once

#include <executorch/devtools/etdump/etdump_flatcc.h>
#include <executorch/runtime/core/event_tracer.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "model/failure.h"
#include "model/platform.h"

namespace godot_executorch {

struct TracedEvent {
    std::string name;
    std::string backend;
    int depth = 0;  // 0 the method, 1 an operator or delegate call, 2 inside the delegate
    double start_us = 0;
    double duration_us = 0;
    int64_t instruction = -1;
    int64_t debug_handle = -1;
};

struct TracedCall {
    uint64_t sequence = 0;
    std::string method;
    int64_t start = 0;  // now_ticks()
    double wall_us = 0;
    std::vector<TracedEvent> events;
};

struct OperatorTotal {
    std::string name;
    std::string backend;
    int depth = 0;
    uint64_t calls = 0;
    double total_us = 0;
    double min_us = 0;
    double max_us = 0;
};

struct Profile {
    std::vector<TracedCall> calls;  // the last ones, newest last
    std::vector<OperatorTotal> operators;
    std::map<std::string, uint64_t> allocations;  // bytes by allocator
};

/// Keeps the events of the last calls in memory of a fixed order of size, and passes all of them on to an ETDump.
class Tracer final : public executorch::runtime::EventTracer {
  public:
    static constexpr size_t kCalls = 16;
    static constexpr size_t kEventsPerCall = 4096;
    static constexpr size_t kCallsPerDump = 64;

    Tracer();
    ~Tracer() override;

    /// Around a method's load or execution.
    void begin_load();
    void begin_call(const std::string& method, const std::string& backend);
    void end_call(uint64_t sequence, int64_t start, int64_t duration);

    /// Does not wait for a running call.
    Profile profile() const;
    void reset();
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
    int64_t current_instruction() const;

    PlatformClock clock_;
    std::unique_ptr<executorch::etdump::ETDumpGen> dump_;
    std::vector<uint8_t> saved_dump_;
    size_t dumped_calls_ = 0;
    bool is_executing_ = false;
    std::string backend_;
    TracedCall current_;
    int64_t current_start_ns_ = 0;
    std::map<int64_t, Open> open_;
    int64_t next_id_ = 1;

    mutable std::mutex results_mutex_;
    std::deque<TracedCall> calls_;
    std::map<std::tuple<int, std::string, std::string>, OperatorTotal> totals_;
    std::vector<std::string> allocators_;
    std::map<std::string, uint64_t> allocations_;
};

}  // namespace godot_executorch
