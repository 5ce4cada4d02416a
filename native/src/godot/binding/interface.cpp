#include "godot/binding/interface.h"

namespace godot_executorch::godot {

Interface api;

bool load_interface(GDExtensionInterfaceGetProcAddress get_proc_address, GDExtensionClassLibraryPtr library) {
    api.library = library;
    bool complete = true;
#define GODOT_LOAD(member, type, name)                                                 \
    api.member = reinterpret_cast<GDExtensionInterface##type>(get_proc_address(name)); \
    complete = complete && api.member != nullptr;
    GODOT_INTERFACE(GODOT_LOAD)
#undef GODOT_LOAD
    return complete;
}

}  // namespace godot_executorch::godot
