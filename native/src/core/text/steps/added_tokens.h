#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/text/json/json_value.h"
#include "core/text/steps/normalizer.h"
#include "core/text/steps/text_index.h"

namespace godot_executorch::text {

/// A token that is found in the text itself, before the model sees it.
struct AddedToken {
    int32_t id = 0;
    std::u32string content;
    std::string bytes;  // content as UTF-8
    bool special = false;
    bool single_word = false;
    bool strip_left = false;
    bool strip_right = false;
    bool normalized = false;  // is looked for after the text was normalized
};

/// A part of a text: a token's place, or what lies between tokens (`token` is null).
struct TextPart {
    Span span;
    const AddedToken* token = nullptr;
};

class AddedTokens {
  public:
    Status read(const json::Value& value, const Normalizer* normalizer);

    /// Divides a text at the tokens that are looked for before (or after) it is normalized.
    std::vector<TextPart> divide(std::u32string_view text, bool normalized) const;

    const AddedToken* of_id(int64_t id) const;
    /// kNoId's value, -1, when there is none.
    int32_t find(std::string_view bytes) const;
    const std::vector<AddedToken>& all() const { return tokens_; }

  private:
    static bool stands_alone(const AddedToken& token, std::u32string_view text, Span span);

    std::vector<AddedToken> tokens_;
    std::unordered_map<int64_t, size_t> by_id_;
    std::unordered_map<std::string, size_t> by_bytes_;
    TextIndex raw_;
    TextIndex normalized_;
};

}  // namespace godot_executorch::text
