#pragma once

#include <executorch/runtime/core/event_tracer.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace godot_executorch {

/// An ETDump that grows while calls are traced. Its code is a separate library, which is not in a release export.
class CallDump {
  public:
    virtual ~CallDump() = default;

    virtual executorch::runtime::EventTracer& tracer() = 0;
    /// The bytes of all that was traced; empty when nothing was. Once.
    virtual std::vector<uint8_t> take() = 0;
};

/// Null where the library is not beside this one.
std::unique_ptr<CallDump> make_call_dump();

/// What the library has under the name kMakeCallDump.
using MakeCallDump = CallDump* (*)();
constexpr char kMakeCallDump[] = "godot_executorch_make_call_dump";

}  // namespace godot_executorch
