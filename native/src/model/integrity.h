#pragma once

#include <string>

#include "model/data_source.h"
#include "model/failure.h"

namespace godot_executorch {

/// Checks the SHA-256 (hex) of a source. A file that was checked before and has not changed since is not read again.
Status check_sha256(const DataSource& source, const std::string& expected, const std::string& what);

}  // namespace godot_executorch
