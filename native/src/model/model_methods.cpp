// Loading the methods of a session: when they are first called, and anew when their settings change.

#include <algorithm>
#include <chrono>
#include <utility>

#include "model/model.h"
#include "model/platform.h"

namespace godot_executorch {

std::vector<std::string> Model::loaded_names() const {
    std::vector<std::string> names;
    for (const auto& [name, method] : methods_) {
        names.push_back(name);
    }
    // In the order in which they were loaded: with it, they fit into a block into which they fitted before.
    std::sort(names.begin(), names.end(), [&](const std::string& left, const std::string& right) {
        return methods_.at(left)->load_order() < methods_.at(right)->load_order();
    });
    return names;
}

Status Model::reload(std::vector<std::string> names) {
    struct Before {
        MethodSignature signature;
        PlannedCopy planned;
    };
    const PoolUse pool_use;
    if (block_ != nullptr) {
        names = loaded_names();  // a block is given back as a whole
    }
    std::vector<Before> before;
    for (const std::string& name : names) {
        const LoadedMethod& method = *methods_.at(name);
        const MethodMemory& memory = method.memory();
        before.push_back({method.signature(), memory.uses_pool() ? PlannedCopy() : memory.copy_planned()});
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
        if (status.ok() && !method->memory().uses_pool()) {
            method->memory().restore_planned(one.planned);
        }
        failed = failed.ok() ? std::move(status) : std::move(failed);
    }
    return failed;
}

Status Model::unknown_method(const std::string& name) const {
    std::string cause = "the program has no method \"" + name + "\"; it has";
    for (const MethodSignature& signature : signatures_) {
        cause += (&signature == signatures_.data() ? " " : ", ") + signature.name;
    }
    return Status(Code::UnknownMethod, cause);
}

MethodSignature* Model::find_signature(const std::string& name) {
    const auto found = std::find_if(signatures_.begin(), signatures_.end(),
                                    [&](const MethodSignature& signature) { return signature.name == name; });
    return found == signatures_.end() ? nullptr : &*found;
}

Status Model::ready_method(const std::string& name, LoadedMethod*& method) {
    if (program_ == nullptr) {
        return Status(Code::NotLoaded, "no model is loaded");
    }
    const auto found = methods_.find(name);
    if (found != methods_.end()) {
        Status status = found->second->has_current_pool() ? Status() : reload({name});
        method = status.ok() ? methods_.at(name).get() : nullptr;
        return status;
    }
    const MethodSignature* signature = find_signature(name);
    if (signature == nullptr) {
        return unknown_method(name);
    }
    if (program_->is_damaged()) {
        return Status(Code::FileChanged, "the mapped model file was cut short while it was in use");
    }
    const auto start = std::chrono::steady_clock::now();
    Status status = add_method(*signature, method);
    if (status.ok()) {
        load_us_ =
            load_us_ + std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    }
    return status;
}

Status Model::add_method(const MethodSignature& signature, LoadedMethod*& method) {
    std::unique_ptr<LoadedMethod> loaded;
    Status status = instantiate(signature, loaded);
    if (status.ok()) {
        method = loaded.get();
        forward_ = signature.name == "forward" ? method : forward_;
        methods_.emplace(signature.name, std::move(loaded));
    }
    return status;
}

Status Model::instantiate(const MethodSignature& signature, std::unique_ptr<LoadedMethod>& method) {
    const PoolUse pool_use;
    LoadSettings settings;
    settings.weights_key = program_->weights_key();
    settings.memory.policy = policy_;
    settings.tracer = tracer_.get();
    settings.one_thread = level_ == OptimizationLevel::None;
    settings.share_workspace = level_ == OptimizationLevel::Aggressive;
    settings.share_weights = level_ != OptimizationLevel::None;
    size_t block_used = 0;
    if (policy_ == MemoryPolicy::Static) {
        if (block_ == nullptr) {
            block_ = std::make_unique<StaticBlock>(limit_);
        }
        if (!block_->is_valid()) {
            return Status(Code::MemoryLimitExceeded, "the system has no block of " + std::to_string(limit_) + " bytes");
        }
        settings.memory.block = block_.get();
        block_used = block_->used();
    } else if (policy_ == MemoryPolicy::Custom) {
        if (pool_ == nullptr) {
            pool_ = std::make_shared<MemoryPool>(limit_);
        }
        settings.memory.pool = pool_.get();
    }
    if (tracer_ != nullptr) {
        tracer_->begin_load();
    }
    Status status = LoadedMethod::load(program_, signature, settings, method);
    if (status.ok() && level_ == OptimizationLevel::Aggressive) {
        warm_up(*method);
    }
    if (policy_ != MemoryPolicy::Static) {
        return status;
    }
    if (status.ok() && method->memory().shortage() > 0) {
        const size_t needed = block_->used() + method->memory().shortage();
        method.reset();
        status = Status(Code::MemoryLimitExceeded, "method " + signature.name + " needs " + std::to_string(needed) +
                                                       " bytes, the limit is " + std::to_string(limit_));
    }
    if (!status.ok()) {
        block_->rewind(block_used);
    }
    return status;
}

void Model::warm_up(LoadedMethod& method) {
    // A call would change the state of a model that has one.
    if (method.signature().has_state || method.memory().uses_pool()) {
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

}  // namespace godot_executorch
