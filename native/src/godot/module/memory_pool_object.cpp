#include "godot/module/memory_pool_object.h"

namespace godot_executorch::godot {

bool ExecuTorchMemoryPool::set_limit(int64_t bytes) {
    return bytes >= 0 && pool_->set_limit(static_cast<size_t>(bytes));
}

Dictionary ExecuTorchMemoryPool::get_info() const {
    Dictionary info;
    info["limit"] = pool_->limit();
    info["size"] = pool_->size();
    info["demand"] = pool_->demand();
    info["saved"] = pool_->saved();
    info["models"] = pool_->member_count();
    return info;
}

void ExecuTorchMemoryPool::bind() {
    ClassBinding<ExecuTorchMemoryPool> bound(kName);
    bound.method({"set_limit", {"bytes"}}, &ExecuTorchMemoryPool::set_limit);
    bound.method({"get_info"}, &ExecuTorchMemoryPool::get_info);
}

}  // namespace godot_executorch::godot
