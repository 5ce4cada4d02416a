#include "model/runtime_info.h"

#include <dlfcn.h>
#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/kernel/operator_registry.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <set>
#include <thread>

#include "model/platform.h"
#include "model/pool_gate.h"

// The wheel ships these symbols but not threadpool.h; only what is called is declared.
namespace executorch::extension {
namespace cpuinfo {
uint32_t get_num_performant_cores();
}
namespace threadpool {
class ThreadPool {
  public:
    size_t get_thread_count() const;
    bool _unsafe_reset_threadpool(uint32_t count);
};
ThreadPool* get_threadpool();
}  // namespace threadpool
}  // namespace executorch::extension

namespace godot_executorch {
namespace {

constexpr int kMaximumThreads = 256;

/// One core stays free for the frame: a model on all of them makes frames late.
int default_thread_count() {
    auto cores = static_cast<int>(executorch::extension::cpuinfo::get_num_performant_cores());
    cores = cores > 0 ? cores : static_cast<int>(std::thread::hardware_concurrency());
    return std::max(1, cores - 1);
}

}  // namespace

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

Status set_thread_count(int count) {
    if (count < 0 || count > kMaximumThreads) {
        return Status(Code::InvalidOption,
                      "expected 0 to " + std::to_string(kMaximumThreads) + " threads, got " + std::to_string(count));
    }
    if (count == 0) {
        count = default_thread_count();
    }
    if (count == thread_count()) {
        return {};
    }
    return guarded("setting the number of threads", [&]() -> Status {
        const PoolChange change;
        if (!executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(
                static_cast<uint32_t>(count))) {
            return Status(Code::InvalidOption, "the thread pool does not take " + std::to_string(count) + " threads");
        }
        return {};
    });
}

void replace_pool() {
    const int count = thread_count();
    if (count > 1) {
        const PoolChange change;
        auto* pool = executorch::extension::threadpool::get_threadpool();
        // It does nothing when it has that many already.
        pool->_unsafe_reset_threadpool(1);
        pool->_unsafe_reset_threadpool(static_cast<uint32_t>(count));
    }
}

int thread_count() {
    auto* pool = executorch::extension::threadpool::get_threadpool();
    return pool != nullptr ? static_cast<int>(pool->get_thread_count()) : 1;
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
        if (::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
            const char* reason = ::dlerror();
            return Status(Code::LibraryNotLoaded,
                          std::string("cannot load ") + path + ": " + (reason ? reason : "unknown"));
        }
        loaded.insert(path);
        return {};
    });
}

}  // namespace godot_executorch
