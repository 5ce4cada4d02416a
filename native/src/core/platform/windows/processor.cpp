#include "core/platform/processor.h"

namespace godot_executorch {

// XNNPACK keeps no files of packed weights on Windows.
std::string processor_kind() {
    return {};
}

}  // namespace godot_executorch
