#include "godot/module/call_buffers.h"

#include <algorithm>
#include <memory>
#include <string>

namespace godot_executorch::godot {

CallBuffers& CallBuffers::of(Call& call) {
    std::shared_ptr<void>& attachment = call.attachment();
    if (attachment == nullptr) {
        attachment = std::make_shared<CallBuffers>();
    }
    return *static_cast<CallBuffers*>(attachment.get());
}

const ValueNames& CallBuffers::names_of(const LoadedMethod& method) {
    for (const ValueNames& known : names) {
        if (known.method == &method && known.revision == method.revision()) {
            return known;
        }
    }
    // A method that went away may have left its address to this one.
    names.erase(
        std::remove_if(names.begin(), names.end(), [&](const ValueNames& known) { return known.method == &method; }),
        names.end());
    ValueNames& made = names.emplace_back();
    made.method = &method;
    made.revision = method.revision();
    const MethodSignature& signature = method.signature();
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
        made.inputs.emplace_back(signature.inputs[i].name);
        made.aliases.emplace_back("input_" + std::to_string(i));
    }
    for (const ValueSpec& output : signature.outputs) {
        made.outputs.emplace_back(output.name);
    }
    return made;
}

}  // namespace godot_executorch::godot
