#pragma once

#include <functional>

#include "core/text/steps/aligned_text.h"
#include "core/text/steps/pattern.h"

namespace godot_executorch::text {

/// What happens to the characters at which a text is divided.
enum class Behaviour { Removed, Isolated, Contiguous, MergedWithPrevious, MergedWithNext };

/// Divides each piece at its matches; with `invert`, at what lies between them.
void split_by_pattern(Pieces& pieces, const Pattern& pattern, Behaviour behaviour, bool invert);
/// Divides each piece at every character of a kind.
void split_by_kind(Pieces& pieces, const std::function<bool(char32_t)>& is_kind, Behaviour behaviour);
/// Puts a character before each piece that does not begin with it and that `wanted` accepts.
void prepend_to_pieces(Pieces& pieces, char32_t character,
                       const std::function<bool(std::u32string_view piece, Span origin)>& wanted);

}  // namespace godot_executorch::text
