#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/program/data/data_source.h"
#include "core/program/loaded_program.h"
#include "core/status.h"

namespace godot_executorch {

/// A .ptd file: by its path, or read through a function.
struct ExternalWeights {
    ExternalWeights(std::string file) : path(std::move(file)) {}

    std::string path;
    ReadAt read;  // instead of opening the path, when there is one
    size_t size = 0;
    std::string sha256;  // hex; checked when not empty
};

struct LoadOptions {
    bool mmap = true;
    std::string sha256;  // hex; checked when not empty
    std::vector<ExternalWeights> external;
    int trial_seconds = 0;  // how long a program without a hash may take in a child process first; 0 = no trial
};

/// Whether a part of the program comes without a hash, so that it is to run in a child process first.
bool needs_trial(const LoadOptions& options);

/// Opens the external weights, checks the hashes that were given, and loads the program.
Status open_program(std::unique_ptr<DataSource> source, const LoadOptions& options,
                    std::shared_ptr<const LoadedProgram>& program);

}  // namespace godot_executorch
