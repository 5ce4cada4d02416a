#include "core/text/steps/pattern_tree.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>

#include "core/text/unicode/characters.h"

namespace godot_executorch::text {
namespace {

using Property = CharacterSet::Property;

constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kMostRepeats = 1000;
constexpr int kMostDepth = 16;
constexpr size_t kMostLength = 4096;
constexpr const char* kCategoryNames[] = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl",
                                          "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
                                          "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"};

char32_t folded(char32_t character) {
    return character == 0x17F ? U's' : unicode::simple_lower(character);
}

/// `\w` of Oniguruma, the tokenizers library's engine: without the joiners and, outside of a class, with six numbers of
/// Latin-1.
bool is_word(char32_t character, bool in_class) {
    const bool is_joiner = character == 0x200C || character == 0x200D;
    const bool is_latin_number =
        character == 0xB2 || character == 0xB3 || character == 0xB9 || (character >= 0xBC && character <= 0xBE);
    return (is_latin_number && !in_class) || (unicode::is_word(character) && !is_joiner);
}

bool has_property(const CharacterSet::Entry& entry, char32_t character) {
    const auto category = unicode::category(character);
    switch (entry.property) {
        case Property::Letter:
            return unicode::is_letter(character);
        case Property::Mark:
            return unicode::is_mark(character);
        case Property::Number:
            return unicode::is_number(character);
        case Property::Punctuation:
            return unicode::is_punctuation(character);
        case Property::Symbol:
            return unicode::is_symbol(character);
        case Property::Separator:
            return category >= unicode::Category::Zs && category <= unicode::Category::Zp;
        case Property::Other:
            return category >= unicode::Category::Cc;
        case Property::Space:
            return unicode::is_whitespace(character);
        case Property::Word:
        case Property::WordInClass:
            return is_word(character, entry.property == Property::WordInClass);
        case Property::Category:
            break;
    }
    return static_cast<uint8_t>(category) == entry.category;
}

class Parser {
  public:
    explicit Parser(std::u32string_view expression) : text_(expression) {}

    Status parse(Alternatives& parsed) {
        if (text_.size() > kMostLength) {
            return Status(Code::TokenizerUnsupported, "a pattern of " + std::to_string(text_.size()) + " characters");
        }
        const bool read = read_alternatives(parsed, false, 0);
        if (!read || at_ < text_.size()) {
            return Status(Code::TokenizerUnsupported,
                          "the pattern " + unicode::to_utf8(text_) + " at character " + std::to_string(at_));
        }
        return {};
    }

  private:
    bool more() const { return at_ < text_.size(); }
    bool take(std::u32string_view wanted) {
        if (text_.substr(at_, wanted.size()) != wanted) {
            return false;
        }
        at_ += wanted.size();
        return true;
    }

    bool read_alternatives(Alternatives& parsed, bool ignore_case, int depth) {
        if (depth > kMostDepth) {
            return false;
        }
        do {
            ItemSequence& sequence = parsed.choices.emplace_back();
            while (more() && text_[at_] != '|' && text_[at_] != ')') {
                if (!read_item(sequence.emplace_back(), ignore_case, depth)) {
                    return false;
                }
            }
        } while (take(U"|"));
        return true;
    }

    bool read_item(Item& item, bool ignore_case, int depth) {
        if (take(U"(")) {
            item.kind = Item::Kind::Group;
            if (take(U"?!")) {
                item.kind = Item::Kind::NegativeLookahead;
            } else if (take(U"?=")) {
                item.kind = Item::Kind::Lookahead;
            } else if (take(U"?i:")) {
                ignore_case = true;
            } else if (!take(U"?:") && more() && text_[at_] == '?') {
                return false;
            }
            if (!read_alternatives(item.inside.emplace_back(), ignore_case, depth + 1) || !take(U")")) {
                return false;
            }
        } else if (take(U"\\A")) {
            item.kind = Item::Kind::TextBegin;
        } else if (!read_set(item.set, ignore_case)) {
            return false;
        }
        return read_quantifier(item);
    }

    bool read_set(CharacterSet& set, bool ignore_case) {
        if (ignore_case) {
            set.ignore_case();
        }
        const bool read = take(U"[") ? read_class(set) : read_single(set, false);
        set.prepare();
        return read;
    }

    bool read_class(CharacterSet& set) {
        if (take(U"^")) {
            set.negate();
        }
        bool first = true;
        while (more() && (first || text_[at_] != ']')) {
            if (!read_single(set, true)) {
                return false;
            }
            first = false;
        }
        return take(U"]");
    }

    /// One character, one escape sequence or, in a class, one range.
    bool read_single(CharacterSet& set, bool in_class) {
        if (text_[at_] == '\\') {
            bool is_character = false;
            char32_t character = 0;
            return read_escape(set, in_class, character, is_character) &&
                   (!is_character || read_range(set, character, in_class));
        }
        const char32_t character = text_[at_++];
        constexpr std::u32string_view kSpecial = U"*+?{}^$.";
        if ((!in_class && kSpecial.find(character) != std::u32string_view::npos) ||
            (in_class && (character == '[' || take(U"&&")))) {
            return false;
        }
        return read_range(set, character, in_class);
    }

    bool read_range(CharacterSet& set, char32_t first, bool in_class) {
        char32_t last = first;
        if (in_class && at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
            ++at_;
            CharacterSet unused;
            bool is_character = true;
            if (text_[at_] != '\\') {
                last = text_[at_++];
            } else if (!read_escape(unused, in_class, last, is_character) || !is_character) {
                return false;
            }
        }
        set.add_range(first, last);
        return first <= last;
    }

    bool read_escape(CharacterSet& set, bool in_class, char32_t& character, bool& is_character) {
        if (++at_ >= text_.size()) {
            return false;
        }
        const char32_t name = text_[at_++];
        constexpr std::u32string_view kLetters = U"rntfv";
        constexpr std::u32string_view kControls = U"\r\n\t\f\v";
        if (const size_t index = kLetters.find(name); index != std::u32string_view::npos) {
            character = kControls[index];
            is_character = true;
            return true;
        }
        constexpr std::u32string_view kClasses = U"sSdDwW";
        if (const size_t index = kClasses.find(name); index != std::u32string_view::npos) {
            const Property word = in_class ? Property::WordInClass : Property::Word;
            const Property properties[] = {Property::Space, Property::Category, word};
            set.add_property({properties[index / 2], static_cast<uint8_t>(unicode::Category::Nd), index % 2 == 1});
            return true;
        }
        if (name == 'p' || name == 'P') {
            return read_property(set, name == 'P');
        }
        character = name;
        is_character = true;
        return name < 128 && !unicode::is_letter(name) && !unicode::is_number(name);
    }

    bool read_property(CharacterSet& set, bool negated) {
        const size_t end = text_.find(U'}', at_);
        if (!take(U"{") || end == std::u32string_view::npos) {
            return false;
        }
        std::string name = unicode::to_utf8(text_.substr(at_, end - at_));
        if (!name.empty() && name[0] == '^') {
            negated = !negated;
            name.erase(0, 1);
        }
        constexpr std::string_view kNames = "LMNPSZC";  // as in enum class Property
        CharacterSet::Entry entry{Property::Category, 0, negated};
        const auto* const found = std::find(std::begin(kCategoryNames), std::end(kCategoryNames), name);
        if (name.size() == 1 && kNames.find(name[0]) != std::string_view::npos) {
            entry.property = static_cast<Property>(kNames.find(name[0]));
        } else if (found != std::end(kCategoryNames)) {
            entry.category = static_cast<uint8_t>(found - std::begin(kCategoryNames));
        } else {
            return false;
        }
        at_ = end + 1;
        set.add_property(entry);
        return true;
    }

    bool read_quantifier(Item& item) {
        bool counted = false;
        if (take(U"?")) {
            item.least = 0;
        } else if (take(U"*")) {
            item.least = 0;
            item.most = kNoLimit;
        } else if (take(U"+")) {
            item.most = kNoLimit;
        } else if (take(U"{")) {
            counted = true;
            if (!read_counts(item)) {
                return false;
            }
        } else {
            return true;
        }
        item.lazy = take(U"?");
        // After {n,m} a plus is another quantifier in some syntaxes and possessive in others.
        item.possessive = !counted && !item.lazy && take(U"+");
        const bool more_follow = more() && (text_[at_] == '+' || text_[at_] == '*' || text_[at_] == '?');
        const bool is_optional_group = item.kind == Item::Kind::Group && item.least == 0 && item.most == 1;
        return !more_follow && (item.kind == Item::Kind::Set || is_optional_group);
    }

    bool read_counts(Item& item) {
        if (!read_number(item.least)) {
            return false;
        }
        item.most = item.least;
        if (take(U",")) {
            item.most = kNoLimit;
            if (more() && text_[at_] != '}' && !read_number(item.most)) {
                return false;
            }
        }
        return take(U"}") && item.least <= item.most;
    }

    bool read_number(uint32_t& number) {
        number = 0;
        const size_t begin = at_;
        while (more() && text_[at_] >= '0' && text_[at_] <= '9' && number <= kMostRepeats) {
            number = number * 10 + static_cast<uint32_t>(text_[at_++] - '0');
        }
        return at_ > begin && number <= kMostRepeats;
    }

    std::u32string_view text_;
    size_t at_ = 0;
};

}  // namespace

void CharacterSet::prepare() {
    for (char32_t character = 0; character < 128; ++character) {
        ascii_[character] = computed(character);
    }
}

bool CharacterSet::computed(char32_t character) const {
    const bool found = listed(character) ||
                       std::any_of(properties_.begin(), properties_.end(),
                                   [&](const Entry& entry) { return has_property(entry, character) != entry.negated; });
    return found != negated_;
}

bool CharacterSet::listed(char32_t character) const {
    const char32_t lower = ignores_case_ ? folded(character) : character;
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
        const bool is_single = range.first == range.last;
        return (character >= range.first && character <= range.last) ||
               (ignores_case_ && is_single && lower == folded(range.first)) ||
               (ignores_case_ && !is_single && lower >= range.first && lower <= range.last);
    });
}

Status parse_pattern(std::u32string_view expression, Alternatives& parsed) {
    return Parser(expression).parse(parsed);
}

}  // namespace godot_executorch::text
