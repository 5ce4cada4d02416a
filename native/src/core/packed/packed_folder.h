#pragma once

#include <cstdint>
#include <string>

namespace godot_executorch {

/// Where the weights that XNNPACK packed are kept, so that later runs of the game map them instead of packing again.
struct PackedFolder {
    std::string path;          // empty: nowhere
    uint64_t least_bytes = 0;  // programs with smaller files are packed into the heap
    uint64_t most_bytes = 0;   // of all files in the folder; those that were used longest ago are removed
};

/// For methods that are loaded from now on. The folder is made when it is needed.
void keep_packed_weights(PackedFolder folder);
PackedFolder packed_folder();

/// Removes the files that were used longest ago until the folder is within its limit, and what processes that ended
/// left unfinished. `kept` stays.
void clean_packed_folder(const PackedFolder& folder, const std::string& kept);
/// Whether the folder's disk has room for another `bytes`. A write to a mapped file on a full disk ends the process.
bool has_room(const PackedFolder& folder, uint64_t bytes);

}  // namespace godot_executorch
