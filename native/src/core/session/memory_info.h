#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/memory/method_memory.h"

namespace godot_executorch {

/// Bytes. total = program + planned (unless pooled) + allocators + unused + delegate: what this session added to the
/// process. Weights that stay in a mapped file are pages of the system's cache and do not count, nor does what
/// delegates take for themselves beside packed weights: the C library's accounting does not say whose it is.
struct MemoryInfo {
    size_t program = 0;    // heap that holds parts of the file
    size_t constants = 0;  // bytes of the file that are mapped, or were read by a delegate
    std::vector<int64_t> planned;
    size_t pooled = 0;      // planned bytes that come from a pool
    size_t allocators = 0;  // held by the method and temporary allocators
    size_t unused = 0;      // of a STATIC block
    size_t method_allocator_used = 0;
    size_t method_allocator_peak = 0;
    size_t temporary_peak = 0;
    size_t delegate = 0;     // weights that delegates packed, in the size that they have in the file
    size_t packed_file = 0;  // packed weights that are mapped from a file: pages of the system's cache
    MemoryPolicy policy = MemoryPolicy::Auto;
    size_t limit = 0;
    size_t total = 0;
};

}  // namespace godot_executorch
