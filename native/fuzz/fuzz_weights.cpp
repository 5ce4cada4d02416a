// The check of the tables of external weights (.ptd), on any bytes: it accepts or refuses them, and must not read
// outside of them. Bytes that it accepts are checked again in a copy: the result must depend on the bytes alone.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "core/program/checks/weights_check.h"
#include "core/program/data/data_source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::unique_ptr<godot_executorch::DataSource> first = godot_executorch::copy_buffer(data, size);
    const std::unique_ptr<godot_executorch::DataSource> second = godot_executorch::copy_buffer(data, size);
    if (godot_executorch::check_weights(*first, "weights.ptd").ok() !=
        godot_executorch::check_weights(*second, "weights.ptd").ok()) {
        std::abort();
    }
    return 0;
}
