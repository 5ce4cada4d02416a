#pragma once

#include <cstdint>
#include <vector>

#include "core/session/call.h"
#include "godot/conversion/conversion.h"

namespace godot_executorch::godot {

/// The keys of a method's inputs and outputs, made once.
struct ValueNames {
    const LoadedMethod* method = nullptr;
    uint64_t revision = 0;
    std::vector<Variant> inputs;
    std::vector<Variant> aliases;  // input_0, input_1, ...
    std::vector<Variant> outputs;
};

/// What a module keeps from call to call of one version of its model.
struct CallBuffers {
    std::vector<ValueNames> names;
    Staging staging;
    std::vector<uint8_t> scratch;
    ResultArrays kept;

    /// Those of a call's version; used while the call holds its lock.
    static CallBuffers& of(Call& call);
    const ValueNames& names_of(const LoadedMethod& method);
};

}  // namespace godot_executorch::godot
