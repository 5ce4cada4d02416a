#include "core/session/session_version.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/runtime/guarded.h"
#include "core/runtime/thread_pool_gate.h"

namespace godot_executorch {
namespace {

MethodSignature* find(std::vector<MethodSignature>& signatures, const std::string& name) {
    const auto found = std::find_if(signatures.begin(), signatures.end(),
                                    [&](const MethodSignature& signature) { return signature.name == name; });
    return found == signatures.end() ? nullptr : &*found;
}

}  // namespace

SessionVersion::SessionVersion(std::shared_ptr<const LoadedProgram> program, std::vector<MethodSignature> signatures,
                               SessionSettings settings, double load_us)
    : program_(std::move(program)),
      load_us_(load_us),
      wanted_(std::move(settings)),
      signatures_(std::move(signatures)),
      level_(wanted_.level),
      trace_(wanted_.trace) {
    tracer_ = trace_ != nullptr ? std::make_shared<Tracer>(trace_) : nullptr;
    info_ = measure_memory();
}

SessionVersion::~SessionVersion() {
    // What the methods use outlives them: members go in the opposite order of their declaration.
    auto loaded = std::make_shared<Loaded>();
    loaded->program = program_;
    loaded->memory_pool = std::move(memory_pool_);
    loaded->tracer = std::move(tracer_);
    loaded->block = std::move(block_);
    loaded->methods = std::move(methods_);
    destroy_outside_of_pauses(std::move(loaded));
}

std::vector<MethodSignature> SessionVersion::signatures() const {
    const std::lock_guard<std::mutex> lock(wanted_mutex_);
    return signatures_;
}

Status SessionVersion::unknown_method(const std::string& name) const {
    std::string cause = "the program has no method \"" + name + "\"; it has";
    const std::vector<MethodSignature>& methods = program_->methods();
    for (const MethodSignature& signature : methods) {
        cause += (&signature == methods.data() ? " " : ", ") + signature.name;
    }
    return Status(Code::UnknownMethod, cause);
}

Status SessionVersion::method_signature(const std::string& method, MethodSignature& signature) const {
    const std::lock_guard<std::mutex> lock(wanted_mutex_);
    for (const MethodSignature& candidate : signatures_) {
        if (candidate.name == method) {
            signature = candidate;
            return {};
        }
    }
    return unknown_method(method);
}

Status SessionVersion::set_signature(const std::string& method, const std::vector<ValueHint>& inputs,
                                     const std::vector<ValueHint>& outputs) {
    {
        const std::lock_guard<std::mutex> lock(wanted_mutex_);
        MethodSignature* signature = find(signatures_, method);
        if (signature == nullptr) {
            return unknown_method(method);
        }
        MethodSignature refined = *signature;
        Status status = apply_hints(inputs, "input", refined.inputs);
        status = status.ok() ? apply_hints(outputs, "output", refined.outputs) : std::move(status);
        if (!status.ok()) {
            return status;
        }
        *signature = std::move(refined);
        new_signatures_ = true;
        has_requests_.store(true, std::memory_order_release);
    }
    return apply_when_idle();
}

bool SessionVersion::configure_memory(const SessionSettings& settings) {
    const std::lock_guard<std::mutex> lock(wanted_mutex_);
    if (!has_methods_) {
        wanted_.policy = settings.policy;
        wanted_.limit = settings.limit;
        wanted_.memory_pool = settings.memory_pool;
        wanted_.own_pool = settings.own_pool;
        info_.policy = settings.policy;
        info_.limit = settings.limit;
    }
    return !has_methods_;
}

Status SessionVersion::set_level(OptimizationLevel level) {
    {
        const std::lock_guard<std::mutex> lock(wanted_mutex_);
        wanted_.level = level;
        has_requests_.store(true, std::memory_order_release);
    }
    return apply_when_idle();
}

Status SessionVersion::set_trace(std::shared_ptr<TraceResults> trace) {
    {
        const std::lock_guard<std::mutex> lock(wanted_mutex_);
        wanted_.trace = std::move(trace);
        has_requests_.store(true, std::memory_order_release);
    }
    return apply_when_idle();
}

Status SessionVersion::reset_state() {
    {
        const std::lock_guard<std::mutex> lock(wanted_mutex_);
        wants_reset_ = true;
        has_requests_.store(true, std::memory_order_release);
    }
    return apply_when_idle();
}

MemoryInfo SessionVersion::memory_info() {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) {
        const std::lock_guard<std::mutex> wanted_lock(wanted_mutex_);
        return info_;
    }
    MemoryInfo info = measure_memory();
    const std::lock_guard<std::mutex> wanted_lock(wanted_mutex_);
    info.policy = wanted_.policy;
    info.limit = wanted_.limit;
    info_ = info;
    return info;
}

Status SessionVersion::apply_when_idle() {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || has_sliced_run()) {
        return {};
    }
    if (methods_.empty()) {
        return apply_requests();
    }
    // Loading methods again uses the thread pool, which a pause may keep closed for as long as a call runs.
    const ThreadPoolUse thread_pool_use(std::try_to_lock);
    return thread_pool_use.is_held() ? apply_requests() : Status();
}

Status SessionVersion::apply_requests() {
    std::unique_lock<std::mutex> lock(wanted_mutex_);
    has_requests_.store(false, std::memory_order_relaxed);
    const bool resets = std::exchange(wants_reset_, false);
    if (std::exchange(new_signatures_, false)) {
        for (MethodSignature& signature : signatures_) {
            const auto loaded = methods_.find(signature.name);
            if (loaded != methods_.end()) {
                loaded->second->set_signature(signature);
                signature = loaded->second->signature();
            }
        }
    }
    const bool reloads = level_ != wanted_.level || trace_ != wanted_.trace;
    const std::shared_ptr<Tracer> before = tracer_;  // outlives the methods that use it
    if (trace_ != wanted_.trace) {
        trace_ = wanted_.trace;
        tracer_ = trace_ != nullptr ? std::make_shared<Tracer>(trace_) : nullptr;
    }
    level_ = wanted_.level;
    lock.unlock();
    for (auto& [name, method] : methods_) {
        if (resets) {
            method->reset_state();
        }
    }
    // Backends read their settings only while a method is loaded.
    return reloads ? reload(loaded_names()) : Status();
}

Status SessionVersion::ready_method(const std::string& name, LoadedMethod*& method) {
    if (is_given_up_) {
        return Status(Code::NotLoaded, "no model is loaded");
    }
    if (has_requests_.load(std::memory_order_acquire)) {
        Status status = apply_requests();
        if (!status.ok()) {
            return status;
        }
    }
    const auto found = methods_.find(name);
    if (found != methods_.end()) {
        Status status = found->second->is_current() ? Status() : reload({name});
        method = status.ok() ? methods_.at(name).get() : nullptr;
        return status;
    }
    MethodSignature signature;
    Status status = method_signature(name, signature);
    if (status.ok() && program_->is_damaged()) {
        status = Status(Code::FileChanged, "the mapped model file was cut short while it was in use");
    }
    if (!status.ok()) {
        return status;
    }
    const auto start = std::chrono::steady_clock::now();
    status = add_method(signature, method);
    if (status.ok()) {
        load_us_ =
            load_us_ + std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    }
    return status;
}

void SessionVersion::give_up() {
    is_given_up_ = true;
    forward_ = nullptr;
    attachment_.reset();
    const ThreadPoolUse thread_pool_use;
    const Status ignored = guarded("unloading", [&]() -> Status {
        methods_.clear();
        return {};
    });
    block_.reset();
}

}  // namespace godot_executorch
