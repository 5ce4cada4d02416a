#include <gdextension_interface.h>

#include <string>

#include "godot/binding.h"
#include "godot/executorch_module.h"
#include "godot/memory_pool_object.h"
#include "model/platform.h"

namespace godot_executorch::godot {
namespace {

constexpr GDExtensionInt kPrintHash = 2648703342;

void print(LogLevel level, const char* message) {
    const std::string text = std::string("ExecuTorch: ") + message;
    const StringName name(level == LogLevel::Error ? "push_warning" : "print");
    const GDExtensionPtrUtilityFunction function = api.get_utility_function(name.ptr(), kPrintHash);
    const Variant line(text);
    const GDExtensionConstTypePtr arguments[] = {line.ptr()};
    function(nullptr, arguments, 1);
}

void initialize(void*, GDExtensionInitializationLevel level) {
    if (level != GDEXTENSION_INITIALIZATION_SCENE) {
        return;
    }
    load_builtin_functions();
    install_platform(print);
    ExecuTorchModule::bind();
    ExecuTorchMemoryPool::bind();
}

void deinitialize(void*, GDExtensionInitializationLevel level) {
    if (level != GDEXTENSION_INITIALIZATION_SCENE) {
        return;
    }
    for (const char* class_name : {ExecuTorchModule::kName, ExecuTorchMemoryPool::kName}) {
        const StringName name(class_name);
        api.unregister_class(api.library, name.ptr());
    }
    install_platform(nullptr);
    release_kept();
}

}  // namespace
}  // namespace godot_executorch::godot

extern "C" __attribute__((visibility("default"))) GDExtensionBool
godot_executorch_init(GDExtensionInterfaceGetProcAddress get_proc_address, GDExtensionClassLibraryPtr library,
                      GDExtensionInitialization* initialization) {
    namespace godot = godot_executorch::godot;
    if (!godot::load_interface(get_proc_address, library)) {
        return 0;
    }
    initialization->minimum_initialization_level = GDEXTENSION_INITIALIZATION_SCENE;
    initialization->initialize = godot::initialize;
    initialization->deinitialize = godot::deinitialize;
    return 1;
}
