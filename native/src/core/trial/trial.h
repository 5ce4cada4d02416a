#pragma once

#include <memory>

#include "core/program/loaded_program.h"
#include "core/status.h"

namespace godot_executorch {

/// Runs every method of an untrusted program in a child process, before this process runs it. A file that
/// passed before and has not changed since is not tried again.
Status try_program(const std::shared_ptr<const LoadedProgram>& program, int seconds);

}  // namespace godot_executorch
