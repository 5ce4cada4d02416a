#include "core/runtime/registry.h"

#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/kernel/operator_registry.h>

#include <mutex>
#include <set>

#include "core/platform/library.h"
#include "core/runtime/guarded.h"

namespace godot_executorch {

std::vector<std::string> backend_names() {
    std::vector<std::string> names;
    for (size_t i = 0; i < executorch::runtime::get_num_registered_backends(); ++i) {
        const auto name = executorch::runtime::get_backend_name(i);
        if (name.ok()) {
            names.emplace_back(name.get());
        }
    }
    return names;
}

std::vector<std::string> operator_names() {
    std::set<std::string> names;
    for (const auto& kernel : executorch::runtime::get_registered_kernels()) {
        names.insert(kernel.name_);
    }
    return {names.begin(), names.end()};
}

std::map<std::string, std::string> versions() {
    return {{"executorch", GODOT_EXECUTORCH_RUNTIME_VERSION}, {"extension", GODOT_EXECUTORCH_VERSION}};
}

Status load_library(const std::string& path) {
    static std::mutex mutex;
    static std::set<std::string> loaded;
    const std::lock_guard<std::mutex> lock(mutex);
    if (loaded.count(path) > 0) {
        return {};
    }
    return guarded("loading a library", [&]() -> Status {
        // Kept open for good: the registries hold pointers into it.
        std::string reason;
        if (!open_library(path, reason)) {
            return Status(Code::LibraryNotLoaded, "cannot load " + path + ": " + reason);
        }
        loaded.insert(path);
        return {};
    });
}

}  // namespace godot_executorch
