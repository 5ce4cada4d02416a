#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/text/json/json_value.h"
#include "core/text/steps/aligned_text.h"

namespace godot_executorch::text {

struct Alternatives;  // a parsed regular expression

/// What a Split or a Replace looks for: a plain string, or a regular expression of the kind that tokenizers use
/// (classes, \p{..}, groups, alternatives, quantifiers, lookahead).
class Pattern {
  public:
    /// Of `{"String": ...}` or `{"Regex": ...}`; `place` is named in failures.
    static Status read(const json::Value& value, const std::string& place, Pattern& pattern);
    static Pattern plain(std::u32string text);
    static Status compile(std::u32string_view expression, Pattern& pattern);

    /// Matches from left to right that do not overlap and are not empty. A pattern that takes more than some hundred
    /// steps for each character of the text finds no further match.
    std::vector<Span> find_all(std::u32string_view text) const;

  private:
    std::u32string plain_;
    std::shared_ptr<const Alternatives> expression_;  // shared by copies, never changed
};

}  // namespace godot_executorch::text
