#include "model/model.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "model/integrity.h"
#include "model/platform.h"

namespace godot_executorch {
namespace {

using Clock = std::chrono::steady_clock;
using executorch::runtime::etensor::Tensor;

double microseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

Status open_external(const ExternalWeights& weights, bool mmap, std::unique_ptr<DataSource>& source) {
    if (weights.read != nullptr) {
        source = from_stream(weights.read, weights.size);
        return {};
    }
    return mmap ? open_mapped(weights.path, source) : open_file(weights.path, source);
}

Status not_loaded() {
    return Status(Code::NotLoaded, "no model is loaded");
}

}  // namespace

Model::~Model() {
    clear();
}

Status Model::load_from_file(const std::string& path, const LoadOptions& options) {
    std::unique_ptr<DataSource> source;
    Status status = options.mmap ? open_mapped(path, source) : open_file(path, source);
    return status.ok() ? adopt(std::move(source), options) : std::move(status);
}

Status Model::load_from_buffer(const void* data, size_t size, const LoadOptions& options) {
    return adopt(copy_buffer(data, size), options);
}

Status Model::load_from_stream(ReadAt read, size_t size, const LoadOptions& options) {
    return adopt(from_stream(std::move(read), size), options);
}

Status Model::adopt(std::unique_ptr<DataSource> source, const LoadOptions& options) {
    const auto start = Clock::now();
    if (!options.sha256.empty()) {
        Status status = check_sha256(*source, options.sha256, "the model file");
        if (!status.ok()) {
            return status;
        }
    }
    std::vector<std::unique_ptr<DataSource>> external;
    for (const ExternalWeights& weights : options.external) {
        Status status = open_external(weights, options.mmap, external.emplace_back());
        if (status.ok() && !weights.sha256.empty()) {
            status = check_sha256(*external.back(), weights.sha256, weights.path);
        }
        if (!status.ok()) {
            return status;
        }
    }
    std::shared_ptr<const LoadedProgram> program;
    Status status = LoadedProgram::load(std::move(source), std::move(external), program);
    if (status.ok() && options.sha256.empty() && options.trial_seconds > 0) {
        status = try_program(program, options.trial_seconds);
    }
    if (!status.ok()) {
        return status;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_locked();
    signatures_ = program->methods();
    program_ = std::move(program);
    is_loaded_ = true;
    load_us_ = microseconds_since(start);
    return {};
}

std::unique_ptr<Model> Model::new_session() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto session = std::make_unique<Model>();
    session->share_program_of(*this);
    return session;
}

void Model::become_session_of(const Model& other) {
    // Never both locks at once: the other may be about to become a session of this one.
    const std::unique_ptr<Model> session = other.new_session();
    const double load_us = other.load_us_;
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_locked();
    share_program_of(*session);
    load_us_ = load_us;
}

void Model::share_program_of(const Model& other) {
    program_ = other.program_;
    is_loaded_ = program_ != nullptr;
    signatures_ = other.signatures_;
    policy_ = other.policy_;
    limit_ = other.limit_;
    level_ = other.level_;
    pool_ = other.pool_;
}

void Model::clear() {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_locked();
}

void Model::clear_locked() {
    forward_ = nullptr;
    const PoolUse pool_use;
    const Status ignored = guarded("unloading", [&]() -> Status {
        methods_.clear();
        return {};
    });
    block_.reset();
    signatures_.clear();
    program_.reset();
    is_loaded_ = false;
    figures_.reset_statistics();
    load_us_ = 0;
}

std::vector<std::string> Model::method_names() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::string> names;
    for (const MethodSignature& signature : signatures_) {
        names.push_back(signature.name);
    }
    return names;
}

Status Model::method_signature(const std::string& method, MethodSignature& signature) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (program_ == nullptr) {
        return not_loaded();
    }
    const auto loaded = methods_.find(method);
    if (loaded != methods_.end()) {
        signature = loaded->second->signature();
        return {};
    }
    for (const MethodSignature& candidate : signatures_) {
        if (candidate.name == method) {
            signature = candidate;
            return {};
        }
    }
    return unknown_method(method);
}

Status Model::set_signature(const std::string& method, const std::vector<ValueHint>& inputs,
                            const std::vector<ValueHint>& outputs) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (program_ == nullptr) {
        return not_loaded();
    }
    MethodSignature* signature = find_signature(method);
    if (signature == nullptr) {
        return unknown_method(method);
    }
    MethodSignature refined = *signature;
    Status status = apply_hints(inputs, "input", refined.inputs);
    if (status.ok()) {
        status = apply_hints(outputs, "output", refined.outputs);
    }
    if (status.ok()) {
        *signature = std::move(refined);
        const auto loaded = methods_.find(method);
        if (loaded != methods_.end()) {
            loaded->second->set_signature(*signature);
        }
    }
    return status;
}

Status Model::load_method(const std::string& method) {
    const std::lock_guard<std::mutex> lock(mutex_);
    LoadedMethod* loaded = nullptr;
    return ready_method(method, loaded);
}

Status Model::reset_state() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (program_ == nullptr) {
        return not_loaded();
    }
    for (auto& [name, method] : methods_) {
        method->reset_state();
    }
    return {};
}

Status Model::forward(const std::vector<TensorValue>& inputs, std::vector<TensorValue>& outputs) {
    return execute("forward", inputs, outputs);
}

Status Model::execute(const std::string& method, const std::vector<TensorValue>& inputs,
                      std::vector<TensorValue>& outputs) {
    Call call(*this);
    Status status = call.begin(method);
    if (!status.ok()) {
        return status;
    }
    const std::vector<ValueSpec>& specs = call.signature().inputs;
    if (inputs.size() != specs.size()) {
        return Status(Code::WrongInputCount,
                      "expected " + std::to_string(specs.size()) + " inputs, got " + std::to_string(inputs.size()));
    }
    for (size_t i = 0; i < inputs.size() && status.ok(); ++i) {
        const TensorValue& input = inputs[i];
        if (input.dtype != specs[i].dtype) {
            return Status(Code::WrongDtype, specs[i].name + ": expected " + dtype_name(specs[i].dtype) + ", got " +
                                                dtype_name(input.dtype));
        }
        status = specs[i].check(input.shape);
        if (status.ok()) {
            status = call.method().set_tensor(i, input.shape, input.data.data());
        }
    }
    if (status.ok()) {
        status = call.execute();
    }
    outputs.clear();
    std::vector<uint8_t> scratch;
    for (size_t i = 0; status.ok() && i < call.signature().outputs.size(); ++i) {
        if (!call.output(i).isTensor()) {
            continue;
        }
        const Tensor& tensor = call.output(i).toTensor();
        TensorValue& value = outputs.emplace_back();
        value.dtype = tensor.scalar_type();
        value.shape = Shape::of(tensor.sizes().data(), tensor.sizes().size());
        const auto* data = static_cast<const uint8_t*>(LoadedMethod::contiguous_data(tensor, scratch));
        value.data.assign(data, data + tensor.nbytes());
    }
    return status;
}

Status Model::configure_memory(MemoryPolicy policy, size_t limit_bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (policy == MemoryPolicy::Static && limit_bytes == 0) {
        return Status(Code::InvalidOption, "the STATIC policy needs a limit in bytes, got 0");
    }
    if (!methods_.empty()) {
        return Status(Code::InvalidOption, "the memory policy is chosen before the first method is loaded",
                      "Call configure_memory() before loading, or clear() first.");
    }
    policy_ = policy;
    limit_ = limit_bytes;
    block_.reset();
    return {};
}

Status Model::set_memory_pool(std::shared_ptr<MemoryPool> pool) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!methods_.empty()) {
        return Status(Code::InvalidOption, "the memory pool is chosen before the first method is loaded",
                      "Call set_memory_pool() before loading, or clear() first.");
    }
    pool_ = std::move(pool);
    return {};
}

Status Model::set_optimization_level(OptimizationLevel level) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (level_ == level) {
        return {};
    }
    level_ = level;
    return reload_all();
}

Status Model::enable_profiling(bool enabled) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (enabled == (tracer_ != nullptr)) {
        return {};
    }
    const std::shared_ptr<Tracer> before = tracer_;  // methods that still use it go first
    {
        const std::lock_guard<std::mutex> tracer_lock(tracer_mutex_);
        tracer_ = enabled ? std::make_shared<Tracer>() : nullptr;
    }
    return reload_all();
}

Profile Model::get_profile() const {
    std::shared_ptr<Tracer> tracer;
    {
        const std::lock_guard<std::mutex> lock(tracer_mutex_);
        tracer = tracer_;
    }
    return tracer != nullptr ? tracer->profile() : Profile();
}

Status Model::save_etdump(const std::string& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (tracer_ == nullptr) {
        return Status(Code::InvalidOption, "profiling is off", "Call enable_profiling(true) and run the model.");
    }
    return guarded("saving the ETDump", [&] { return tracer_->save_etdump(path); });
}

Status Model::reload_all() {
    // Backends see their settings only when a method is loaded.
    return reload(loaded_names());
}

MemoryInfo Model::get_memory_info() const {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    const std::lock_guard<std::mutex> info_lock(info_mutex_);
    if (lock.owns_lock()) {
        info_ = measure_memory();
    }
    return info_;
}

MemoryInfo Model::measure_memory() const {
    MemoryInfo info;
    info.policy = policy_;
    info.limit = limit_;
    if (program_ == nullptr) {
        return info;
    }
    info.program = program_->resident_bytes();
    info.constants = program_->file_bytes() - std::min(program_->file_bytes(), info.program);
    size_t planned = 0;
    for (const auto& [name, method] : methods_) {
        const MethodMemory& memory = method->memory();
        size_t method_planned = 0;
        for (const int64_t size : method->signature().planned_memory) {
            info.planned.push_back(size);
            method_planned += static_cast<size_t>(size);
        }
        (memory.uses_pool() ? info.pooled : planned) += method_planned;
        info.method_allocator_used += memory.method_used();
        info.method_allocator_peak += memory.method_peak();
        info.temporary_peak = std::max(info.temporary_peak, memory.temporary_peak());
        info.delegate += method->delegate_bytes();
        info.allocators += memory.method_capacity() + memory.temporary_capacity();
    }
    if (block_ != nullptr) {
        info.allocators = block_->used() - std::min(block_->used(), planned);
        info.unused = block_->size() - std::min(block_->size(), planned + info.allocators);
    }
    info.total = info.program + planned + info.allocators + info.unused + info.delegate;
    return info;
}

}  // namespace godot_executorch
