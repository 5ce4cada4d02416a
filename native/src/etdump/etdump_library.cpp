#include <executorch/devtools/etdump/etdump_flatcc.h>

#include <cstdlib>

#include "core/metrics/call_dump.h"
#include "core/platform/exported.h"

namespace godot_executorch {
namespace {

class EtDump final : public CallDump {
  public:
    executorch::runtime::EventTracer& tracer() override { return generator_; }

    std::vector<uint8_t> take() override {
        const executorch::etdump::ETDumpResult result = generator_.get_etdump_data();
        if (result.buf == nullptr) {
            return {};
        }
        const auto* bytes = static_cast<const uint8_t*>(result.buf);
        std::vector<uint8_t> taken(bytes, bytes + result.size);
        std::free(result.buf);
        return taken;
    }

  private:
    executorch::etdump::ETDumpGen generator_;
};

}  // namespace
}  // namespace godot_executorch

extern "C" GODOT_EXECUTORCH_EXPORT godot_executorch::CallDump* godot_executorch_make_call_dump() {
    return new godot_executorch::EtDump();
}
