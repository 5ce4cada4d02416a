#include "core/text/steps/aligned_text.h"

namespace godot_executorch::text {

AlignedText::AlignedText(std::u32string_view text, uint32_t offset) : characters(text) {
    origins.reserve(text.size());
    for (uint32_t i = 0; i < text.size(); ++i) {
        origins.push_back({offset + i, offset + i + 1});
    }
}

Span AlignedText::origin_of(Span range) const {
    if (range.size() == 0 || range.end > origins.size()) {
        return {};
    }
    return {origins[range.begin].begin, origins[range.end - 1].end};
}

Status check_size(size_t characters) {
    if (characters <= kMostCharacters) {
        return {};
    }
    return Status(Code::TokenizerInvalid,
                  "the text has more than " + std::to_string(kMostCharacters) +
                      " characters, or the tokenizer makes it that long",
                  "Give shorter texts.");
}

}  // namespace godot_executorch::text
