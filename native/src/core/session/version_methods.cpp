// Loading the methods of a version: at their first call, and again when a setting changes.

#include <algorithm>
#include <utility>

#include "core/runtime/guarded.h"
#include "core/runtime/thread_pool_gate.h"
#include "core/session/session_version.h"

namespace godot_executorch {
namespace {

void warm_up(LoadedMethod& method) {
    // A call would change the state of a model that has one.
    if (method.signature().has_state || method.memory().uses_memory_pool()) {
        return;
    }
    size_t largest = 0;
    for (const ValueSpec& spec : method.signature().inputs) {
        if (!spec.is_tensor()) {
            return;
        }
        largest = std::max(largest, spec.element_count * dtype_size(spec.dtype));
    }
    const std::vector<uint8_t> zeros(largest + 1);
    const Status ignored = guarded("warming up", [&]() -> Status {
        for (size_t i = 0; i < method.signature().inputs.size(); ++i) {
            Status status = method.set_tensor(i, method.signature().inputs[i].shape, zeros.data());
            if (!status.ok()) {
                return status;
            }
        }
        return method.execute();
    });
}

}  // namespace

std::vector<std::string> SessionVersion::loaded_names() const {
    std::vector<std::string> names;
    for (const auto& [name, method] : methods_) {
        names.push_back(name);
    }
    // In the order in which they were loaded, in which they are known to fit into the block.
    std::sort(names.begin(), names.end(), [&](const std::string& left, const std::string& right) {
        return methods_.at(left)->load_order() < methods_.at(right)->load_order();
    });
    return names;
}

Status SessionVersion::reload(std::vector<std::string> names) {
    struct Before {
        MethodSignature signature;
        PlannedCopy planned;
    };
    const ThreadPoolUse thread_pool_use;
    if (block_ != nullptr) {
        names = loaded_names();  // a block is released as a whole
    }
    std::vector<Before> before;
    for (const std::string& name : names) {
        const LoadedMethod& method = *methods_.at(name);
        before.push_back({method.signature(), method.copy_planned()});
        forward_ = &method == forward_ ? nullptr : forward_;
        methods_.erase(name);
    }
    if (block_ != nullptr) {
        block_->rewind(0);
    }
    Status failed;
    for (const Before& one : before) {
        LoadedMethod* method = nullptr;
        Status status = add_method(one.signature, method);
        if (status.ok() && !method->memory().uses_memory_pool()) {
            method->memory().restore_planned(one.planned);
        }
        failed = failed.ok() ? std::move(status) : std::move(failed);
    }
    return failed;
}

Status SessionVersion::add_method(const MethodSignature& signature, LoadedMethod*& method) {
    std::unique_ptr<LoadedMethod> loaded;
    Status status = instantiate(signature, loaded);
    if (status.ok()) {
        method = loaded.get();
        forward_ = signature.name == "forward" ? method : forward_;
        methods_.emplace(signature.name, std::move(loaded));
        keep_signature(method->signature());
    }
    const MemoryInfo info = measure_memory();
    const std::lock_guard<std::mutex> lock(wanted_mutex_);
    has_methods_ = !methods_.empty();
    info_ = info;
    info_.policy = wanted_.policy;
    info_.limit = wanted_.limit;
    return status;
}

void SessionVersion::keep_signature(const MethodSignature& signature) {
    const std::lock_guard<std::mutex> lock(wanted_mutex_);
    for (MethodSignature& known : signatures_) {
        // One that was changed meanwhile reaches the method before its next call.
        if (known.name == signature.name && !new_signatures_) {
            known = signature;
        }
    }
}

Status SessionVersion::instantiate(const MethodSignature& signature, std::unique_ptr<LoadedMethod>& method) {
    const ThreadPoolUse thread_pool_use;
    SessionSettings memory;
    {
        const std::lock_guard<std::mutex> lock(wanted_mutex_);
        has_methods_ = true;
        memory = wanted_;
    }
    LoadSettings settings;
    settings.weights_key = program_->weights_key();
    settings.payload = level_ != OptimizationLevel::None ? program_->payload() : "";
    settings.tracer = tracer_.get();
    settings.one_thread = level_ == OptimizationLevel::None;
    settings.share_workspace = level_ == OptimizationLevel::Aggressive;
    settings.share_weights = level_ != OptimizationLevel::None;
    Status status = give_memory(memory, settings.memory);
    if (!status.ok()) {
        return status;
    }
    // Packed weights that are shared let only one method run at a time, so sharing the workspace costs nothing more.
    settings.memory.shared_by = settings.share_weights ? program_->allocator() : nullptr;
    const size_t block_used = block_ != nullptr ? block_->used() : 0;
    if (tracer_ != nullptr) {
        tracer_->begin_load();
    }
    status = LoadedMethod::load(program_, signature, settings, method);
    if (status.ok() && level_ == OptimizationLevel::Aggressive) {
        warm_up(*method);
    }
    if (memory.policy != MemoryPolicy::Static) {
        return status;
    }
    status = status.ok() ? check_block(memory.limit, method) : std::move(status);
    if (!status.ok()) {
        block_->rewind(block_used);
    }
    return status;
}

Status SessionVersion::give_memory(const SessionSettings& settings, MemorySource& memory) {
    memory.policy = settings.policy;
    if (settings.policy != MemoryPolicy::Static) {
        size_t taken = 0;
        for (const auto& [name, method] : methods_) {
            taken += method->memory().planned_bytes() + method->memory().method_used();
        }
        Status status = SessionLimit(settings.limit).left_after(taken, memory.limit);
        if (!status.ok()) {
            return status;
        }
    }
    if (settings.policy == MemoryPolicy::Static) {
        if (block_ == nullptr || (methods_.empty() && block_->size() != settings.limit)) {
            block_ = std::make_unique<StaticBlock>(settings.limit);
        }
        if (!block_->is_valid()) {
            return Status(Code::MemoryLimitExceeded,
                          "the system has no block of " + std::to_string(settings.limit) + " bytes");
        }
        memory.block = block_.get();
    } else if (settings.policy == MemoryPolicy::Custom) {
        if (memory_pool_ == nullptr || methods_.empty()) {
            memory_pool_ = settings.memory_pool != nullptr ? settings.memory_pool : settings.own_pool;
        }
        memory.memory_pool = memory_pool_.get();
    }
    return {};
}

Status SessionVersion::check_block(size_t limit, std::unique_ptr<LoadedMethod>& method) const {
    if (method->memory().shortage() == 0) {
        return {};
    }
    const size_t needed = block_->used() + method->memory().shortage();
    const std::string name = method->signature().name;
    method.reset();
    return SessionLimit(limit).exceeded("method " + name + " needs", needed);
}

MemoryInfo SessionVersion::measure_memory() const {
    MemoryInfo info;
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
        (memory.uses_memory_pool() ? info.pooled : planned) += method_planned;
        info.method_allocator_used += memory.method_used();
        info.method_allocator_peak += memory.method_peak();
        info.temporary_peak = std::max(info.temporary_peak, memory.temporary_peak());
        info.delegate += method->delegate_bytes();
        info.packed_file += method->packed_file_bytes();
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
