#pragma once

#include <cstddef>
#include <string_view>

namespace godot_executorch::unicode {

/// The end of the extended grapheme cluster that begins at `at`.
///
/// Exact for clusters of up to five bytes of UTF-8, which is what the Precompiled normalizer looks up as a whole.
/// Longer ones (Hangul's letters, pairs of flags, joined emoji, Indic conjuncts) may end too early.
size_t grapheme_end(std::u32string_view text, size_t at);

}  // namespace godot_executorch::unicode
