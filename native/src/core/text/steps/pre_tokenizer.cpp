#include "core/text/steps/pre_tokenizer.h"

#include <map>
#include <string>
#include <vector>

#include "core/text/json/fields.h"
#include "core/text/json/sequence.h"
#include "core/text/steps/pattern.h"
#include "core/text/steps/splitting.h"
#include "core/text/unicode/characters.h"

namespace godot_executorch::text {
namespace {

using Making = std::unique_ptr<PreTokenizer>;

constexpr std::u32string_view kGpt2 =
    U"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

class ByteLevel : public PreTokenizer {
  public:
    ByteLevel(bool add_prefix_space, bool use_regex) : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {
        // The expression is our own; the tests would fail if it did not compile.
        static_cast<void>(Pattern::compile(kGpt2, pattern_));
    }

    Status apply(Pieces& pieces) const override {
        if (add_prefix_space_) {
            prepend_to_pieces(pieces, U' ', [](std::u32string_view, Span) { return true; });
        }
        if (use_regex_) {
            split_by_pattern(pieces, pattern_, Behaviour::Isolated, false);
        }
        to_bytes(pieces);
        return check_size(pieces.text.size());
    }

  private:
    static void to_bytes(Pieces& pieces) {
        AlignedText changed;
        changed.characters.reserve(pieces.text.size() * 2);
        changed.origins.reserve(pieces.text.size() * 2);
        std::string bytes;
        for (Span& span : pieces.spans) {
            const uint32_t begin = changed.size();
            for (uint32_t i = span.begin; i < span.end; ++i) {
                bytes.clear();
                unicode::append_utf8(pieces.text.characters[i], bytes);
                for (const char byte : bytes) {
                    changed.add(byte_characters()[static_cast<unsigned char>(byte)], pieces.text.origins[i]);
                }
            }
            span = {begin, changed.size()};
        }
        pieces.text = std::move(changed);
    }

    bool add_prefix_space_;
    bool use_regex_;
    Pattern pattern_;
};

class Split : public PreTokenizer {
  public:
    Split(Pattern pattern, Behaviour behaviour, bool invert)
        : pattern_(std::move(pattern)), behaviour_(behaviour), invert_(invert) {}

    Status apply(Pieces& pieces) const override {
        split_by_pattern(pieces, pattern_, behaviour_, invert_);
        return {};
    }

  private:
    Pattern pattern_;
    Behaviour behaviour_;
    bool invert_;
};

/// Divides at characters of one kind.
class SplitByKind : public PreTokenizer {
  public:
    using Kind = bool (*)(char32_t);
    SplitByKind(Kind kind, Behaviour behaviour) : kind_(kind), behaviour_(behaviour) {}

    Status apply(Pieces& pieces) const override {
        split_by_kind(pieces, kind_, behaviour_);
        return {};
    }

  private:
    Kind kind_;
    Behaviour behaviour_;
};

class Metaspace : public PreTokenizer {
  public:
    enum class Prepend { Always, First, Never };
    Metaspace(char32_t replacement, Prepend prepend, bool split)
        : replacement_(replacement), prepend_(prepend), split_(split) {}

    Status apply(Pieces& pieces) const override {
        for (char32_t& character : pieces.text.characters) {
            character = character == ' ' ? replacement_ : character;
        }
        if (prepend_ != Prepend::Never) {
            prepend_to_pieces(pieces, replacement_, [this](std::u32string_view, Span origin) {
                return prepend_ == Prepend::Always || origin.begin == 0;
            });
        }
        if (split_) {
            split_by_kind(
                pieces, [this](char32_t character) { return character == replacement_; }, Behaviour::MergedWithNext);
        }
        return check_size(pieces.text.size());
    }

  private:
    char32_t replacement_;
    Prepend prepend_;
    bool split_;
};

class Sequence : public PreTokenizer {
  public:
    explicit Sequence(std::vector<Making> parts) : parts_(std::move(parts)) {}

    Status apply(Pieces& pieces) const override {
        for (const Making& part : parts_) {
            Status status = part->apply(pieces);
            if (!status.ok()) {
                return status;
            }
        }
        return {};
    }

  private:
    std::vector<Making> parts_;
};

bool is_bert_punctuation(char32_t character) {
    const bool is_ascii = (character >= 33 && character <= 47) || (character >= 58 && character <= 64) ||
                          (character >= 91 && character <= 96) || (character >= 123 && character <= 126);
    return is_ascii || unicode::is_punctuation(character);
}

Making by_kinds(std::initializer_list<std::pair<SplitByKind::Kind, Behaviour>> kinds) {
    std::vector<Making> parts;
    for (const auto& [kind, behaviour] : kinds) {
        parts.push_back(std::make_unique<SplitByKind>(kind, behaviour));
    }
    return std::make_unique<Sequence>(std::move(parts));
}

Behaviour read_behaviour(json::Fields& fields) {
    static const std::map<std::string, Behaviour> kNames = {{"Isolated", Behaviour::Isolated},
                                                            {"Removed", Behaviour::Removed},
                                                            {"Contiguous", Behaviour::Contiguous},
                                                            {"MergedWithNext", Behaviour::MergedWithNext},
                                                            {"MergedWithPrevious", Behaviour::MergedWithPrevious}};
    const std::string name = fields.string("behavior", "Isolated");
    const auto found = kNames.find(name);
    if (found == kNames.end()) {
        fields.unsupported("the behavior " + name);
        return Behaviour::Isolated;
    }
    return found->second;
}

Status make_split(json::Fields& fields, Making& made) {
    Pattern pattern;
    Status status = Pattern::read(fields.of("pattern", json::Type::Object, true), fields.place(), pattern);
    const Behaviour behaviour = read_behaviour(fields);
    made = std::make_unique<Split>(std::move(pattern), behaviour, fields.boolean("invert", false));
    return status;
}

Making make_metaspace(json::Fields& fields) {
    const std::u32string replacement = fields.text("replacement", U"\u2581");
    const bool adds = fields.boolean("add_prefix_space", true);
    const std::string scheme = fields.string("prepend_scheme", adds ? "always" : "never");
    if (replacement.size() != 1 || (scheme != "always" && scheme != "first" && scheme != "never")) {
        fields.fail("expected a replacement of one character, and always, first or never as prepend_scheme");
        return nullptr;
    }
    const auto prepend = scheme == "always"  ? Metaspace::Prepend::Always
                         : scheme == "first" ? Metaspace::Prepend::First
                                             : Metaspace::Prepend::Never;
    return std::make_unique<Metaspace>(replacement[0], prepend, fields.boolean("split", true));
}

Making make_delimiter(json::Fields& fields) {
    const std::u32string delimiter = fields.text("delimiter");
    if (delimiter.size() != 1) {
        fields.fail("expected a delimiter of one character");
        return nullptr;
    }
    return std::make_unique<Split>(Pattern::plain(delimiter), Behaviour::Removed, false);
}

}  // namespace

Status make_pre_tokenizer(const json::Value& value, std::unique_ptr<PreTokenizer>& made) {
    if (value.is_null()) {
        return {};
    }
    json::Fields fields(value, "pre_tokenizer");
    const std::string type = fields.required_string("type");
    Status status;
    if (type == "Sequence") {
        status = json::make_sequence<Sequence>(fields, "pretokenizers", make_pre_tokenizer, made);
    } else if (type == "ByteLevel") {
        made = std::make_unique<ByteLevel>(fields.boolean("add_prefix_space", true), fields.boolean("use_regex", true));
    } else if (type == "Split") {
        status = make_split(fields, made);
    } else if (type == "Digits") {
        const bool single = fields.boolean("individual_digits", false);
        made = by_kinds({{unicode::is_number, single ? Behaviour::Isolated : Behaviour::Contiguous}});
    } else if (type == "BertPreTokenizer") {
        made = by_kinds({{unicode::is_whitespace, Behaviour::Removed}, {is_bert_punctuation, Behaviour::Isolated}});
    } else if (type == "Punctuation") {
        made = by_kinds({{is_bert_punctuation, read_behaviour(fields)}});
    } else if (type == "WhitespaceSplit") {
        made = by_kinds({{unicode::is_whitespace, Behaviour::Removed}});
    } else if (type == "Whitespace") {
        made = by_kinds({{unicode::is_whitespace, Behaviour::Removed}, {unicode::is_word, Behaviour::Contiguous}});
    } else if (type == "CharDelimiterSplit") {
        made = make_delimiter(fields);
    } else if (type == "Metaspace") {
        made = make_metaspace(fields);
    } else {
        fields.unsupported("the pre-tokenizer " + type);
    }
    return status.ok() ? fields.take_status() : std::move(status);
}

const std::array<char32_t, 256>& byte_characters() {
    static const std::array<char32_t, 256> kCharacters = [] {
        std::array<char32_t, 256> characters{};
        char32_t next = 256;
        for (char32_t byte = 0; byte < 256; ++byte) {
            const bool is_printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
            characters[byte] = is_printable ? byte : next++;
        }
        return characters;
    }();
    return kCharacters;
}

}  // namespace godot_executorch::text
