#pragma once

#include <set>
#include <string>

#include "core/program/data/data_source.h"
#include "core/status.h"

namespace godot_executorch {

/// What the program's own tables say beyond ExecuTorch's interface.
struct ProgramFacts {
    std::set<std::string> methods_with_state;  // those that read a planned buffer before they write it
};

/// Walks the program's flatbuffer before ExecuTorch does: every offset, index, size and segment must lie inside.
/// ExecuTorch's own verification leaves values that index out of its tables.
Status check_program(const DataSource& source, ProgramFacts& facts);

}  // namespace godot_executorch
