#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace godot_executorch::text {

/// Characters that one place of a regular expression accepts.
class CharacterSet {
  public:
    enum class Property : uint8_t {
        Letter,
        Mark,
        Number,
        Punctuation,
        Symbol,
        Separator,
        Other,
        Space,
        Word,
        WordInClass,
        Category
    };
    struct Entry {
        Property property = Property::Category;
        uint8_t category = 0;  // of Property::Category
        bool negated = false;
    };

    void add_range(char32_t first, char32_t last) { ranges_.push_back({first, last}); }
    void add_property(Entry entry) { properties_.push_back(entry); }
    void negate() { negated_ = true; }
    void ignore_case() { ignores_case_ = true; }
    /// Computes the answers for ASCII once; after the last change.
    void prepare();

    bool has(char32_t character) const { return character < 128 ? ascii_[character] : computed(character); }

  private:
    struct Range {
        char32_t first;
        char32_t last;
    };
    bool computed(char32_t character) const;
    bool listed(char32_t character) const;

    std::vector<Range> ranges_;
    std::vector<Entry> properties_;
    bool negated_ = false;
    bool ignores_case_ = false;
    std::array<bool, 128> ascii_{};
};

struct Alternatives;

/// A set, a group, a lookahead or the beginning of the text, and how often it may stand there.
struct Item {
    enum class Kind : uint8_t { Set, Group, Lookahead, NegativeLookahead, TextBegin };
    Kind kind = Kind::Set;
    uint32_t least = 1;
    uint32_t most = 1;
    bool lazy = false;
    bool possessive = false;
    CharacterSet set;
    std::vector<Alternatives> inside;  // one, of a group or a lookahead
};

using ItemSequence = std::vector<Item>;

struct Alternatives {
    std::vector<ItemSequence> choices;
};

/// Reads a regular expression. What is not understood is TOKENIZER_UNSUPPORTED.
Status parse_pattern(std::u32string_view expression, Alternatives& parsed);

}  // namespace godot_executorch::text
