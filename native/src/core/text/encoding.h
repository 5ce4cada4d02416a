#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/text/steps/aligned_text.h"

namespace godot_executorch::text {

/// The tokens of a text. All vectors have one entry for each token.
struct Encoding {
    std::vector<int32_t> ids;
    std::vector<int32_t> types;      // 0 for the first text, 1 for the second, as the model expects it
    std::vector<int32_t> attention;  // 0 for padding
    std::vector<int32_t> special;    // 1 for tokens that are not in the text
    std::vector<Span> offsets;       // characters of the text

    size_t size() const { return ids.size(); }
    void add(int32_t id, int32_t type, Span offset, bool is_special);
    void append(const Encoding& other);
    void keep(size_t count, bool from_left);
    void pad(size_t size, int32_t id, int32_t type, bool on_left);
};

/// How long the tokens of a text may be.
struct Truncation {
    enum class Strategy { LongestFirst, OnlyFirst, OnlySecond };
    size_t most = 0;  // 0: any number
    Strategy strategy = Strategy::LongestFirst;
    bool removes_left = false;

    /// `pair` may be null; `added` tokens will come afterwards.
    bool apply(Encoding& first, Encoding* pair, size_t added) const;
};

struct Padding {
    bool enabled = false;
    size_t fixed = 0;  // 0: as long as the longest of a batch
    size_t multiple = 0;
    bool on_left = false;
    int32_t id = 0;
    int32_t type = 0;

    void apply(std::vector<Encoding>& batch) const;
};

}  // namespace godot_executorch::text
