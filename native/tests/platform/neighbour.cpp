#include "core/platform/exported.h"

extern "C" GODOT_EXECUTORCH_EXPORT int godot_executorch_neighbour() {
    return 42;
}
