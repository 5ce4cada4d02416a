#include "core/metrics/call_dump.h"

#include "core/platform/library.h"

namespace godot_executorch {

std::unique_ptr<CallDump> make_call_dump() {
    static const auto make = reinterpret_cast<MakeCallDump>(find_in_library("godot_executorch_etdump", kMakeCallDump));
    return std::unique_ptr<CallDump>(make != nullptr ? make() : nullptr);
}

}  // namespace godot_executorch
