#pragma once

#include <cstdint>
#include <string>

/// What the files of this folder need and Linux and macOS do differently.
namespace godot_executorch {

/// Both ends of a pipe that programs started meanwhile do not inherit. False on a failure, with errno set.
bool make_pipe(int (&ends)[2]);

struct FileFacts {
    bool is_regular = false;
    uint64_t size = 0;
    uint64_t device = 0;
    uint64_t number = 0;
    int64_t modified[2] = {0, 0};  // seconds, nanoseconds
    int64_t changed[2] = {0, 0};
};
bool read_facts(int file, FileFacts& facts);

/// Whether what was written is on the disk.
bool flush_file(int file);

/// What dlopen() finds beside the library that calls it.
std::string library_beside(const std::string& name);

}  // namespace godot_executorch
