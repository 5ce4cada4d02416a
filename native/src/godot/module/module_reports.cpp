#include <algorithm>

#include "core/packed/packed_folder.h"
#include "core/platform/file.h"
#include "core/runtime/hooks.h"
#include "core/runtime/registry.h"
#include "core/runtime/thread_pool.h"
#include "core/runtime/ticks.h"
#include "core/trial/verdicts.h"
#include "godot/module/executorch_module.h"

namespace godot_executorch::godot {
namespace {

constexpr int64_t kMaximumCallLog = 1 << 16;

Array to_events(const std::vector<TracedEvent>& events) {
    Array result(static_cast<int64_t>(events.size()));
    for (size_t i = 0; i < events.size(); ++i) {
        const TracedEvent& event = events[i];
        Dictionary entry;
        entry["name"] = event.name;
        entry["backend"] = event.backend;
        entry["depth"] = event.depth;
        entry["start_us"] = event.start_us;
        entry["duration_us"] = event.duration_us;
        entry["instruction"] = event.instruction;
        entry["debug_handle"] = event.debug_handle;
        result[static_cast<int64_t>(i)] = entry;
    }
    return result;
}

}  // namespace

Dictionary ExecuTorchModule::get_memory_info() const {
    const MemoryInfo info = session_->get_memory_info();
    PackedInt64Array planned(static_cast<int64_t>(info.planned.size()));
    std::copy(info.planned.begin(), info.planned.end(), planned.data());
    Dictionary result;
    result["program"] = info.program;
    result["constants"] = info.constants;
    result["planned"] = planned;
    result["pooled"] = info.pooled;
    result["allocators"] = info.allocators;
    result["unused"] = info.unused;
    result["method_allocator_used"] = info.method_allocator_used;
    result["method_allocator_peak"] = info.method_allocator_peak;
    result["temporary_peak"] = info.temporary_peak;
    result["delegate"] = info.delegate;
    result["packed_file"] = info.packed_file;
    result["policy"] = static_cast<int>(info.policy);
    result["limit"] = info.limit;
    result["total"] = info.total;
    return result;
}

Dictionary ExecuTorchModule::get_statistics() const {
    const StatisticsReport report = session_->get_statistics();
    Dictionary result;
    result["count"] = static_cast<int64_t>(report.count);
    result["errors"] = static_cast<int64_t>(report.errors);
    result["total_us"] = report.total_us;
    result["last_us"] = report.last_us;
    result["mean_us"] = report.mean_us;
    result["p50_us"] = report.p50_us;
    result["p90_us"] = report.p90_us;
    result["p99_us"] = report.p99_us;
    result["min_us"] = report.min_us;
    result["max_us"] = report.max_us;
    result["load_us"] = session_->load_us();
    return result;
}

void ExecuTorchModule::reset_statistics() {
    session_->reset_statistics();
}

double ExecuTorchModule::get_last_inference_time() const {
    return session_->get_last_inference_time();
}

Dictionary ExecuTorchModule::get_last_error() const {
    const std::lock_guard<std::mutex> lock(error_mutex_);
    const auto found = errors_.find(std::this_thread::get_id());
    return found != errors_.end() ? to_godot(found->second) : Dictionary();
}

void ExecuTorchModule::set_call_log(int64_t capacity) {
    session_->metrics().set_call_log(static_cast<size_t>(std::clamp<int64_t>(capacity, 0, kMaximumCallLog)));
}

PackedFloat64Array ExecuTorchModule::take_call_log() {
    const std::vector<CallRecord> records = session_->metrics().take_call_log();
    const int64_t now = now_ticks();
    PackedFloat64Array result(static_cast<int64_t>(records.size()) * 5);
    double* number = result.data();
    for (const CallRecord& record : records) {
        *number++ = static_cast<double>(record.sequence);
        *number++ = ticks_to_ns(now - record.start) / 1000.0;
        *number++ = ticks_to_ns(record.duration) / 1000.0;
        *number++ = record.method_index;
        *number++ = record.error;
    }
    return result;
}

int64_t ExecuTorchModule::enable_profiling(bool enabled) {
    return keep_error(session_->enable_profiling(enabled));
}

Dictionary ExecuTorchModule::get_profile() const {
    const Profile profile = session_->get_profile();
    const int64_t now = now_ticks();
    Array calls;
    for (const TracedCall& call : profile.calls) {
        Dictionary entry;
        entry["sequence"] = static_cast<int64_t>(call.sequence);
        entry["method"] = call.method;
        entry["age_us"] = ticks_to_ns(now - call.start) / 1000.0;
        entry["wall_us"] = call.wall_us;
        entry["events"] = to_events(call.events);
        calls.append(entry);
    }
    Array operators;
    for (const OperatorTotal& total : profile.operators) {
        Dictionary entry;
        entry["name"] = total.name;
        entry["backend"] = total.backend;
        entry["depth"] = total.depth;
        entry["calls"] = static_cast<int64_t>(total.calls);
        entry["total_us"] = total.total_us;
        entry["min_us"] = total.min_us;
        entry["max_us"] = total.max_us;
        operators.append(entry);
    }
    Array allocations;
    for (const auto& [allocator, bytes] : profile.allocations) {
        Dictionary entry;
        entry["allocator"] = allocator;
        entry["bytes"] = static_cast<int64_t>(bytes);
        allocations.append(entry);
    }
    Dictionary result;
    result["calls"] = calls;
    result["events"] = profile.calls.empty() ? Array() : to_events(profile.calls.back().events);
    result["operators"] = operators;
    result["allocations"] = allocations;
    return result;
}

int64_t ExecuTorchModule::save_etdump(const String& path) {
    return keep_error(session_->save_etdump(path.utf8()));
}

PackedStringArray ExecuTorchModule::get_backends() {
    return PackedStringArray(backend_names());
}

PackedStringArray ExecuTorchModule::get_operators() {
    return PackedStringArray(operator_names());
}

Dictionary ExecuTorchModule::get_versions() {
    Dictionary result;
    for (const auto& [name, version] : versions()) {
        result[name] = version;
    }
    return result;
}

void ExecuTorchModule::set_num_threads(const int64_t& count) {
    const Status status = set_thread_count(static_cast<int>(count));
    if (!status.ok()) {
        api.print_error(status.failure().cause.c_str(), "set_num_threads", __FILE__, __LINE__, 0);
    }
}

int64_t ExecuTorchModule::get_num_threads() {
    return thread_count();
}

void ExecuTorchModule::set_log_level(const int64_t& level) {
    godot_executorch::set_log_level(static_cast<LogLevel>(std::clamp<int64_t>(level, 0, 3)));
}

int64_t ExecuTorchModule::load_library(const String& path) {
    const Status status = godot_executorch::load_library(path.utf8());
    if (!status.ok()) {
        api.print_error(status.failure().cause.c_str(), "load_library", __FILE__, __LINE__, 0);
    }
    return status.code();
}

void ExecuTorchModule::keep_tried_files(const String& path) {
    keep_verdicts(path.utf8());
}

void ExecuTorchModule::keep_packed_weights(const String& folder, const int64_t& least_bytes,
                                           const int64_t& most_bytes) {
    godot_executorch::keep_packed_weights({folder.utf8(), static_cast<uint64_t>(std::max<int64_t>(least_bytes, 0)),
                                           static_cast<uint64_t>(std::max<int64_t>(most_bytes, 0))});
}

Dictionary ExecuTorchModule::verify_file(const String& path) {
    const int64_t start = now_ticks();
    LoadOptions options;
    options.trial_seconds = kTrialSeconds;
    Session model;
    const Status status = model.load_from_file(path.utf8(), options);
    Dictionary result = status.ok() ? Dictionary() : to_godot(status.failure());
    result["ok"] = status.ok();
    result["seconds"] = ticks_to_ns(now_ticks() - start) / 1e9;
    return result;
}

String ExecuTorchModule::get_file_identity(const String& path) {
    File file;
    return File::open(path.utf8(), file).ok() ? file.identity() : std::string();
}

}  // namespace godot_executorch::godot
