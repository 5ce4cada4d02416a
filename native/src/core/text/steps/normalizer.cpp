#include "core/text/steps/normalizer.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/text/json/fields.h"
#include "core/text/json/sequence.h"
#include "core/text/steps/pattern.h"
#include "core/text/steps/precompiled.h"
#include "core/text/unicode/characters.h"
#include "core/text/unicode/normalization.h"

namespace godot_executorch::text {
namespace {

using Making = std::unique_ptr<Normalizer>;

bool is_ascii(const AlignedText& text) {
    return std::all_of(text.characters.begin(), text.characters.end(), [](char32_t c) { return c < 0x80; });
}

/// A text of what `change` adds for each character.
template <typename Change>
void rebuild(AlignedText& text, Change change) {
    AlignedText changed;
    changed.characters.reserve(text.characters.size());
    changed.origins.reserve(text.origins.size());
    for (uint32_t i = 0; i < text.size(); ++i) {
        change(text.characters[i], text.origins[i], changed);
    }
    text = std::move(changed);
}

class UnicodeForm : public Normalizer {
  public:
    explicit UnicodeForm(unicode::Form form) : form_(form) {}

    Status apply(AlignedText& text) const override {
        if (is_ascii(text)) {
            return {};
        }
        std::u32string out;
        std::vector<uint32_t> source;
        unicode::normalize(text.characters, form_, out, source);
        std::vector<Span> origins;
        origins.reserve(source.size());
        for (const uint32_t index : source) {
            origins.push_back(text.origins[index]);
        }
        text.characters = std::move(out);
        text.origins = std::move(origins);
        return {};
    }

  private:
    unicode::Form form_;
};

class Lowercase : public Normalizer {
  public:
    Status apply(AlignedText& text) const override {
        rebuild(text, [](char32_t character, Span origin, AlignedText& out) {
            const size_t added = unicode::append_lower(character, out.characters);
            out.origins.insert(out.origins.end(), added, origin);
        });
        return {};
    }
};

class StripAccents : public Normalizer {
  public:
    explicit StripAccents(bool only_nonspacing) : only_nonspacing_(only_nonspacing) {}

    Status apply(AlignedText& text) const override {
        if (is_ascii(text)) {
            return {};
        }
        rebuild(text, [this](char32_t character, Span origin, AlignedText& out) {
            const bool is_accent =
                only_nonspacing_ ? unicode::category(character) == unicode::Category::Mn : unicode::is_mark(character);
            if (!is_accent) {
                out.add(character, origin);
            }
        });
        return {};
    }

  private:
    bool only_nonspacing_;
};

class Prepend : public Normalizer {
  public:
    explicit Prepend(std::u32string prefix) : prefix_(std::move(prefix)) {}

    Status apply(AlignedText& text) const override {
        if (!text.empty()) {
            text.characters.insert(0, prefix_);
            text.origins.insert(text.origins.begin(), prefix_.size(), Span(text.origins.front()));
        }
        return check_size(text.size());
    }

  private:
    std::u32string prefix_;
};

class Replace : public Normalizer {
  public:
    Replace(Pattern pattern, std::u32string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}

    Status apply(AlignedText& text) const override {
        AlignedText changed;
        uint32_t from = 0;
        for (const Span match : pattern_.find_all(text.characters)) {
            copy(text, from, match.begin, changed);
            // As in the tokenizers library, which places all of the new characters at the last one that they replace.
            const Span origin = text.origins[match.end - 1];
            for (const char32_t character : content_) {
                changed.add(character, origin);
            }
            from = match.end;
            Status status = check_size(changed.size());
            if (!status.ok()) {
                return status;
            }
        }
        if (from > 0) {
            copy(text, from, text.size(), changed);
            text = std::move(changed);
        }
        return {};
    }

  private:
    static void copy(const AlignedText& text, uint32_t begin, uint32_t end, AlignedText& out) {
        for (uint32_t i = begin; i < end; ++i) {
            out.add(text.characters[i], text.origins[i]);
        }
    }

    Pattern pattern_;
    std::u32string content_;
};

class Strip : public Normalizer {
  public:
    Strip(bool left, bool right) : left_(left), right_(right) {}

    Status apply(AlignedText& text) const override {
        size_t begin = 0;
        size_t end = text.characters.size();
        while (left_ && begin < end && unicode::is_whitespace(text.characters[begin])) {
            ++begin;
        }
        while (right_ && end > begin && unicode::is_whitespace(text.characters[end - 1])) {
            --end;
        }
        text.characters = text.characters.substr(begin, end - begin);
        text.origins = std::vector<Span>(text.origins.begin() + static_cast<ptrdiff_t>(begin),
                                         text.origins.begin() + static_cast<ptrdiff_t>(end));
        return {};
    }

  private:
    bool left_;
    bool right_;
};

class Bert : public Normalizer {
  public:
    Bert(bool clean, bool ideographs, bool strip, bool lower)
        : clean_(clean), ideographs_(ideographs), strip_(strip), lower_(lower) {}

    Status apply(AlignedText& text) const override {
        rebuild(text, [this](char32_t character, Span origin, AlignedText& out) {
            if (clean_ && is_dropped(character)) {
                return;
            }
            if (ideographs_ && unicode::is_ideograph(character)) {
                for (const char32_t added : {char32_t{' '}, character, char32_t{' '}}) {
                    out.add(added, origin);
                }
                return;
            }
            out.add(clean_ && unicode::is_whitespace(character) ? U' ' : character, origin);
        });
        // None of these can fail.
        if (strip_) {
            static_cast<void>(UnicodeForm(unicode::Form::Nfd).apply(text));
            static_cast<void>(StripAccents(true).apply(text));
        }
        if (lower_) {
            static_cast<void>(Lowercase().apply(text));
        }
        return {};
    }

  private:
    static bool is_dropped(char32_t character) {
        if (character == '\t' || character == '\n' || character == '\r') {
            return false;
        }
        const unicode::Category found = unicode::category(character);
        return character == unicode::kReplacement || found == unicode::Category::Cc || found == unicode::Category::Cf ||
               found == unicode::Category::Co;
    }

    bool clean_;
    bool ideographs_;
    bool strip_;
    bool lower_;
};

class Sequence : public Normalizer {
  public:
    explicit Sequence(std::vector<Making> parts) : parts_(std::move(parts)) {}

    Status apply(AlignedText& text) const override {
        for (const Making& part : parts_) {
            Status status = part->apply(text);
            status = status.ok() ? check_size(text.size()) : std::move(status);
            if (!status.ok()) {
                return status;
            }
        }
        return {};
    }

  private:
    std::vector<Making> parts_;
};

Status make_replace(json::Fields& fields, Making& made) {
    Pattern pattern;
    Status status = Pattern::read(fields.of("pattern", json::Type::Object, true), fields.place(), pattern);
    if (status.ok()) {
        made = std::make_unique<Replace>(std::move(pattern), fields.text("content"));
    }
    return status;
}

}  // namespace

Status make_normalizer(const json::Value& value, std::unique_ptr<Normalizer>& made) {
    if (value.is_null()) {
        return {};
    }
    json::Fields fields(value, "normalizer");
    static const std::map<std::string, unicode::Form> kForms = {{"NFC", unicode::Form::Nfc},
                                                                {"NFD", unicode::Form::Nfd},
                                                                {"NFKC", unicode::Form::Nfkc},
                                                                {"NFKD", unicode::Form::Nfkd}};
    const std::string type = fields.required_string("type");
    const auto form = kForms.find(type);
    Status status;
    if (form != kForms.end()) {
        made = std::make_unique<UnicodeForm>(form->second);
    } else if (type == "Sequence") {
        status = json::make_sequence<Sequence>(fields, "normalizers", make_normalizer, made);
    } else if (type == "Lowercase") {
        made = std::make_unique<Lowercase>();
    } else if (type == "StripAccents") {
        made = std::make_unique<StripAccents>(false);
    } else if (type == "Prepend") {
        made = std::make_unique<Prepend>(fields.text("prepend"));
    } else if (type == "Replace") {
        status = make_replace(fields, made);
    } else if (type == "Precompiled") {
        status = make_precompiled(fields, made);
    } else if (type == "Strip") {
        made = std::make_unique<Strip>(fields.boolean("strip_left", true), fields.boolean("strip_right", true));
    } else if (type == "BertNormalizer") {
        const bool lower = fields.boolean("lowercase", true);
        made = std::make_unique<Bert>(fields.boolean("clean_text", true), fields.boolean("handle_chinese_chars", true),
                                      fields.boolean("strip_accents", lower), lower);
    } else {
        fields.unsupported("the normalizer " + type);
    }
    return status.ok() ? fields.take_status() : std::move(status);
}

}  // namespace godot_executorch::text
