#pragma once

#include <string>

#include "core/program/data/data_source.h"
#include "core/status.h"

namespace godot_executorch {

/// Checks the SHA-256 (hex) of a source. A file that was checked before and has not changed since is not read again.
Status check_sha256(const DataSource& source, const std::string& expected, const std::string& what);

/// The SHA-256 (hex) of a source. A file that was read before and has not changed since is not read again.
Status sha256_of(const DataSource& source, std::string& hash);

}  // namespace godot_executorch
