#include "core/session/session.h"

#include <chrono>
#include <utility>

#include "core/runtime/guarded.h"
#include "core/trial/trial.h"

namespace godot_executorch {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

Status not_loaded() {
    return Status(Code::NotLoaded, "no model is loaded");
}

Status too_late(const char* what) {
    return Status(Code::InvalidOption, std::string(what) + " is chosen before the first method is loaded",
                  "Choose it before the first call, or clear() first.");
}

}  // namespace

std::shared_ptr<SessionVersion> Session::current() const {
    const std::lock_guard<SpinLock> lock(version_lock_);
    return version_;
}

SessionVersion* Session::enter(std::shared_ptr<SessionVersion>& to_wait_for) {
    const std::lock_guard<SpinLock> lock(version_lock_);
    if (version_ != nullptr && !version_->mutex().try_lock()) {
        to_wait_for = version_;
    }
    return version_.get();
}

void Session::replace(std::shared_ptr<SessionVersion> version) {
    is_loaded_ = version != nullptr;
    {
        const std::lock_guard<SpinLock> lock(version_lock_);
        version_.swap(version);
    }
    metrics_.reset_statistics();
    if (version != nullptr) {
        version->retire();
        const std::lock_guard<std::mutex> lock(retired_mutex_);
        retired_.push_back(std::move(version));
    }
    release_retired();
}

void Session::release_retired() {
    std::vector<std::shared_ptr<SessionVersion>> unused;  // destroyed after the lock is free
    const std::lock_guard<std::mutex> lock(retired_mutex_);
    for (auto version = retired_.begin(); version != retired_.end();) {
        // Calls that entered without a reference hold the lock.
        if ((*version)->mutex().try_lock()) {
            (*version)->mutex().unlock();
            unused.push_back(std::move(*version));
            version = retired_.erase(version);
        } else {
            ++version;
        }
    }
}

void Session::give_up(SessionVersion& version) {
    if (current().get() == &version) {
        replace(nullptr);
    }
    version.give_up();
}

SessionSettings Session::settings() const {
    const std::lock_guard<std::mutex> lock(settings_mutex_);
    return settings_;
}

Status Session::load_from_file(const std::string& path, const LoadOptions& options) {
    std::unique_ptr<DataSource> source;
    Status status = options.mmap ? open_mapped(path, source) : open_file(path, source);
    return status.ok() ? adopt(std::move(source), options) : std::move(status);
}

Status Session::load_from_buffer(const void* data, size_t size, const LoadOptions& options) {
    return adopt(copy_buffer(data, size), options);
}

Status Session::load_from_stream(ReadAt read, size_t size, const LoadOptions& options) {
    return adopt(from_stream(std::move(read), size), options);
}

Status Session::adopt(std::unique_ptr<DataSource> source, const LoadOptions& options) {
    const auto start = Clock::now();
    std::shared_ptr<const LoadedProgram> program;
    Status status = open_program(std::move(source), options, program);
    if (status.ok() && needs_trial(options)) {
        status = try_program(program, options.trial_seconds);
    }
    if (status.ok()) {
        std::vector<MethodSignature> signatures = program->methods();
        replace(std::make_shared<SessionVersion>(std::move(program), std::move(signatures), settings(),
                                                 microseconds_since(start)));
    }
    return status;
}

std::unique_ptr<Session> Session::new_session() const {
    auto session = std::make_unique<Session>();
    session->become_session_of(*this);
    return session;
}

void Session::become_session_of(const Session& other) {
    const std::shared_ptr<SessionVersion> shared = other.current();
    SessionSettings taken_over = other.settings();
    {
        const std::lock_guard<std::mutex> lock(settings_mutex_);
        taken_over.trace = settings_.trace;
        settings_ = taken_over;
    }
    replace(shared == nullptr ? nullptr
                              : std::make_shared<SessionVersion>(shared->program(), shared->signatures(), taken_over,
                                                                 shared->load_us()));
}

void Session::clear() {
    replace(nullptr);
}

std::vector<std::string> Session::method_names() const {
    std::vector<std::string> names;
    if (const std::shared_ptr<SessionVersion> version = current()) {
        for (const MethodSignature& signature : version->program()->methods()) {
            names.push_back(signature.name);
        }
    }
    return names;
}

Status Session::method_signature(const std::string& method, MethodSignature& signature) const {
    const std::shared_ptr<SessionVersion> version = current();
    return version != nullptr ? version->method_signature(method, signature) : not_loaded();
}

Status Session::set_signature(const std::string& method, const std::vector<ValueHint>& inputs,
                              const std::vector<ValueHint>& outputs) {
    const std::shared_ptr<SessionVersion> version = current();
    return version != nullptr ? version->set_signature(method, inputs, outputs) : not_loaded();
}

Status Session::load_method(const std::string& method) {
    Call call(*this);
    return call.begin(method);
}

Status Session::reset_state() {
    const std::shared_ptr<SessionVersion> version = current();
    return version != nullptr ? version->reset_state() : not_loaded();
}

Status Session::configure_memory(MemoryPolicy policy, size_t limit_bytes) {
    if (policy == MemoryPolicy::Static && limit_bytes == 0) {
        return Status(Code::InvalidOption, "the STATIC policy needs a limit in bytes, got 0");
    }
    const std::lock_guard<std::mutex> lock(settings_mutex_);
    SessionSettings wanted = settings_;
    wanted.policy = policy;
    wanted.limit = limit_bytes;
    wanted.own_pool = policy == MemoryPolicy::Custom ? std::make_shared<MemoryPool>(limit_bytes) : nullptr;
    const std::shared_ptr<SessionVersion> version = current();
    if (version != nullptr && !version->configure_memory(wanted)) {
        return too_late("the memory policy");
    }
    settings_ = wanted;
    return {};
}

Status Session::set_memory_pool(std::shared_ptr<MemoryPool> pool) {
    const std::lock_guard<std::mutex> lock(settings_mutex_);
    SessionSettings wanted = settings_;
    wanted.memory_pool = std::move(pool);
    const std::shared_ptr<SessionVersion> version = current();
    if (version != nullptr && !version->configure_memory(wanted)) {
        return too_late("the memory pool");
    }
    settings_ = wanted;
    return {};
}

Status Session::set_optimization_level(OptimizationLevel level) {
    {
        const std::lock_guard<std::mutex> lock(settings_mutex_);
        settings_.level = level;
    }
    const std::shared_ptr<SessionVersion> version = current();
    return version != nullptr ? version->set_level(level) : Status();
}

Status Session::enable_profiling(bool enabled) {
    std::shared_ptr<TraceResults> trace;
    {
        const std::lock_guard<std::mutex> lock(settings_mutex_);
        if (enabled == (settings_.trace != nullptr)) {
            return {};
        }
        settings_.trace = enabled ? std::make_shared<TraceResults>() : nullptr;
        trace = settings_.trace;
    }
    const std::shared_ptr<SessionVersion> version = current();
    return version != nullptr ? version->set_trace(std::move(trace)) : Status();
}

Profile Session::get_profile() const {
    const std::shared_ptr<TraceResults> trace = settings().trace;
    return trace != nullptr ? trace->profile() : Profile();
}

Status Session::save_etdump(const std::string& path) {
    if (settings().trace == nullptr) {
        return Status(Code::InvalidOption, "profiling is off", "Call enable_profiling(true) and run the model.");
    }
    const Call call(*this);
    if (!call.has_version()) {
        return not_loaded();
    }
    Tracer* tracer = call.tracer();
    if (tracer == nullptr) {
        return Status(Code::InvalidOption, "no call was traced yet", "Run the model.");
    }
    return guarded("saving the ETDump", [&] { return tracer->save_etdump(path); });
}

MemoryInfo Session::get_memory_info() const {
    if (const std::shared_ptr<SessionVersion> version = current()) {
        return version->memory_info();
    }
    const SessionSettings wanted = settings();
    MemoryInfo info;
    info.policy = wanted.policy;
    info.limit = wanted.limit;
    return info;
}

double Session::load_us() const {
    const std::shared_ptr<SessionVersion> version = current();
    return version != nullptr ? version->load_us() : 0.0;
}

}  // namespace godot_executorch
