#include <gdextension_interface.h>

#include <string>

#include "core/platform/exported.h"
#include "core/runtime/hooks.h"
#include "godot/audio/audio_intake_object.h"
#include "godot/binding/binding.h"
#include "godot/module/executorch_module.h"
#include "godot/module/memory_pool_object.h"
#include "godot/module/sliced_run_object.h"
#include "godot/text/tokenizer_object.h"
#include "godot/vision/vision_object.h"

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
    install_hooks(print);
    ExecuTorchModule::bind();
    ExecuTorchMemoryPool::bind();
    ExecuTorchNativeSlicedRun::bind();
    ExecuTorchNativeTokenizer::bind();
    ExecuTorchNativeTokenStream::bind();
    ExecuTorchNativeAudioIntake::bind();
    ExecuTorchNativeVision::bind();
}

void deinitialize(void*, GDExtensionInitializationLevel level) {
    if (level != GDEXTENSION_INITIALIZATION_SCENE) {
        return;
    }
    for (const char* class_name :
         {ExecuTorchModule::kName, ExecuTorchMemoryPool::kName, ExecuTorchNativeSlicedRun::kName,
          ExecuTorchNativeTokenizer::kName, ExecuTorchNativeTokenStream::kName, ExecuTorchNativeAudioIntake::kName,
          ExecuTorchNativeVision::kName}) {
        const StringName name(class_name);
        api.unregister_class(api.library, name.ptr());
    }
    install_hooks(nullptr);
    release_kept();
}

}  // namespace
}  // namespace godot_executorch::godot

extern "C" GODOT_EXECUTORCH_EXPORT GDExtensionBool
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
