// The walk through a program's tables, on any bytes: it accepts or refuses, and reads nothing outside of them.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/program/checks/program_check.h"
#include "core/program/data/data_source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    godot_executorch::ProgramFacts facts;
    const std::unique_ptr<godot_executorch::DataSource> source = godot_executorch::copy_buffer(data, size);
    (void)godot_executorch::check_program(*source, facts);
    return 0;
}
