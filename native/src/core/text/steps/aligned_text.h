#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace godot_executorch::text {

/// A range of characters; `end` is exclusive.
struct Span {
    uint32_t begin = 0;
    uint32_t end = 0;

    uint32_t size() const { return end - begin; }
    bool operator==(const Span& other) const { return begin == other.begin && end == other.end; }
};

/// A text that was changed, and for each of its characters the range of the original text that it stands for.
struct AlignedText {
    std::u32string characters;
    std::vector<Span> origins;

    AlignedText() = default;
    /// `text` is a part of the original that begins at `offset`.
    AlignedText(std::u32string_view text, uint32_t offset);

    void add(char32_t character, Span origin) {
        characters += character;
        origins.push_back(origin);
    }
    bool empty() const { return characters.empty(); }
    uint32_t size() const { return static_cast<uint32_t>(characters.size()); }
    /// The part of the original that a range of this text stands for.
    Span origin_of(Span range) const;
};

/// Texts are shorter, also while they are changed: a file must not make one as long as it likes.
constexpr size_t kMostCharacters = size_t{1} << 26;
Status check_size(size_t characters);

/// A text and the pieces that it is divided into.
struct Pieces {
    AlignedText text;
    std::vector<Span> spans;

    std::u32string_view piece(Span span) const {
        return std::u32string_view(text.characters).substr(span.begin, span.size());
    }
};

}  // namespace godot_executorch::text
