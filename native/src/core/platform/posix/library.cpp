#include "core/platform/library.h"

#include <dlfcn.h>

#include "core/platform/posix/system_parts.h"

namespace godot_executorch {

bool open_library(const std::string& path, std::string& reason) {
    if (::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) {
        return true;
    }
    const char* text = ::dlerror();
    reason = text != nullptr ? text : "unknown";
    return false;
}

void* find_in_library(const std::string& name, const char* symbol) {
    void* library = ::dlopen(library_beside(name).c_str(), RTLD_NOW | RTLD_LOCAL);
    return library != nullptr ? ::dlsym(library, symbol) : nullptr;
}

}  // namespace godot_executorch
