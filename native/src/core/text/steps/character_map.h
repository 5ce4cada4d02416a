#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace godot_executorch::text {

/// The `precompiled_charsmap` of a SentencePiece model: texts that are replaced, in a double array, and their
/// replacements. The map is unchecked input: an index outside of it finds nothing.
class CharacterMap {
  public:
    struct Match {
        size_t characters = 0;  // of the text; 0 when nothing was found
        std::u32string replacement;
    };

    /// Reads the bytes as they are in a model: the size of the array, the array and the replacements.
    static Status read(std::string_view bytes, CharacterMap& map);

    /// The shortest text of the map that `text` begins with. It may end within a character, which is counted.
    Match shortest(std::u32string_view text) const;
    /// The longest text of the map that `text` begins with.
    Match longest(std::u32string_view text) const;

  private:
    Match find(std::u32string_view text, bool takes_first) const;
    std::u32string replacement_at(uint32_t index) const;

    std::vector<uint32_t> units_;
    std::string replacements_;  // each ends with a zero
};

}  // namespace godot_executorch::text
