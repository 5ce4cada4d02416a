#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace godot_executorch::testing {

/// A size of this process in bytes, as /proc/self/status names it: "VmRSS", "RssAnon". 0 where the system has no such
/// file.
inline size_t process_bytes(const std::string& field) {
    std::ifstream status("/proc/self/status");
    std::string word;
    size_t kilobytes = 0;
    while (status >> word) {
        if (word == field + ":") {
            status >> kilobytes;
            break;
        }
    }
    return kilobytes * 1024;
}

}  // namespace godot_executorch::testing
