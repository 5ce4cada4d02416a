#pragma once

#include <string>

#include "core/program/data/data_source.h"
#include "core/status.h"

namespace godot_executorch {

/// Walks the flatbuffer of external weights (a .ptd) before ExecuTorch does: every offset, index, size and segment must
/// lie inside. `name` is the file's, for messages.
Status check_weights(const DataSource& source, const std::string& name);

}  // namespace godot_executorch
