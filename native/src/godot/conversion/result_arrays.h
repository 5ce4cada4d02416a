#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "godot/binding/values.h"

namespace godot_executorch::godot {

/// Small float arrays that earlier calls returned. Godot counts the references to each, so an array without another
/// reference is written again, in place of a new one. Two sets take turns, because a game still holds its last results
/// when it asks for the next.
class ResultArrays {
  public:
    /// `rows` arrays of `size` elements, to be written through detached(); null when they are too large to keep.
    PackedFloat32Array* take(int64_t rows, int64_t size) {
        if (size < 1 || size > kMostElements || rows > kMostRows) {
            return nullptr;
        }
        if (size != size_) {
            clear();
            size_ = size;
        }
        turn_ = 1 - turn_;
        std::vector<PackedFloat32Array>& set = sets_[turn_];
        while (static_cast<int64_t>(set.size()) < rows) {
            set.emplace_back(size);
        }
        return set.data();
    }

    void clear() { sets_ = {}; }

  private:
    // At most 2 MB are kept.
    static constexpr int64_t kMostElements = 64;
    static constexpr int64_t kMostRows = 4096;

    int64_t size_ = 0;
    size_t turn_ = 0;
    std::array<std::vector<PackedFloat32Array>, 2> sets_;
};

}  // namespace godot_executorch::godot
