#include "core/text/steps/precompiled.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/text/json/base64.h"
#include "core/text/steps/character_map.h"
#include "core/text/steps/text_index.h"
#include "core/text/unicode/characters.h"
#include "core/text/unicode/graphemes.h"

namespace godot_executorch::text {
namespace {

constexpr size_t kLongestCluster = 5;  // bytes of UTF-8

size_t utf8_size(std::u32string_view text) {
    size_t size = 0;
    for (const char32_t character : text) {
        size += character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    }
    return size;
}

/// As the tokenizers library applies a map: a short grapheme cluster as a whole, of which the shortest text of the map
/// that it begins with replaces all; else each character alone.
class ByGraphemes : public Normalizer {
  public:
    explicit ByGraphemes(CharacterMap map) : map_(std::move(map)) {}

    Status apply(AlignedText& text) const override {
        const std::u32string_view all = text.characters;
        std::vector<Change> changes;
        changes.reserve(all.size());
        for (size_t begin = 0; begin < all.size();) {
            const size_t end = unicode::grapheme_end(all, begin);
            const std::u32string_view cluster = all.substr(begin, end - begin);
            const bool is_short = cluster.size() <= kLongestCluster && utf8_size(cluster) <= kLongestCluster;
            if (!is_short || !replace(cluster, changes)) {
                for (size_t i = 0; i < cluster.size(); ++i) {
                    if (!replace(cluster.substr(i, 1), changes)) {
                        changes.push_back({cluster[i], 0});
                    }
                }
            }
            Status status = check_size(changes.size());
            if (!status.ok()) {
                return status;
            }
            begin = end;
        }
        text = changed(text, changes);
        return {};
    }

  private:
    /// A character of the new text. added: 1 when it stands for none of the old one, -n when for n more than one.
    struct Change {
        char32_t character;
        int64_t added;
    };

    bool replace(std::u32string_view old, std::vector<Change>& changes) const {
        const CharacterMap::Match match = map_.shortest(old);
        if (match.characters == 0) {
            return false;
        }
        for (size_t i = 0; i < match.replacement.size(); ++i) {
            changes.push_back({match.replacement[i], i < old.size() ? 0 : 1});
        }
        // Characters that disappear belong to the last one before them; at the beginning of a text there is none, and
        // as in the tokenizers library all offsets after them are too small.
        if (match.replacement.size() < old.size() && !changes.empty()) {
            changes.back().added -= static_cast<int64_t>(old.size() - match.replacement.size());
        }
        return true;
    }

    static AlignedText changed(const AlignedText& text, const std::vector<Change>& changes) {
        AlignedText out;
        out.characters.reserve(changes.size());
        out.origins.reserve(changes.size());
        size_t at = 0;  // in the old text
        for (const Change& change : changes) {
            const bool is_new = change.added > 0;
            const size_t source = is_new && at > 0 ? at - 1 : at;
            out.add(change.character, source < text.origins.size() ? text.origins[source] : Span());
            at += is_new ? 0 : static_cast<size_t>(1 - change.added);
        }
        return out;
    }

    CharacterMap map_;
};

/// As SentencePiece itself applies a map: from left to right, the longest text each time. Those of `kept` stay.
class ByLongest : public Normalizer {
  public:
    ByLongest(CharacterMap map, TextIndex kept) : map_(std::move(map)), kept_(std::move(kept)) {}

    Status apply(AlignedText& text) const override {
        const std::u32string_view all = text.characters;
        AlignedText out;
        for (size_t begin = 0; begin < all.size();) {
            size_t kept = 0;
            const bool is_kept = kept_.longest_at(all, begin, kept) != nullptr;
            const CharacterMap::Match match = is_kept ? CharacterMap::Match{} : map_.longest(all.substr(begin));
            if (match.characters == 0) {
                for (const size_t last = begin + std::max<size_t>(1, kept); begin < last; ++begin) {
                    out.add(all[begin], text.origins[begin]);
                }
                continue;
            }
            const size_t end = begin + match.characters;
            const Span origin{text.origins[begin].begin, text.origins[end - 1].end};
            for (const char32_t character : match.replacement) {
                out.add(character, origin);
            }
            Status status = check_size(out.size());
            if (!status.ok()) {
                return status;
            }
            begin = end;
        }
        text = std::move(out);
        return {};
    }

  private:
    CharacterMap map_;
    TextIndex kept_;
};

TextIndex read_kept(json::Fields& fields) {
    TextIndex kept;
    for (const json::Value& value : fields.of("kept", json::Type::Array).array) {
        const std::u32string text = unicode::from_utf8(value.string);
        if (text.empty() || text.size() > TextIndex::kLongest) {
            fields.fail("kept: expected texts of at most " + std::to_string(TextIndex::kLongest) + " characters");
        }
        kept.add(text, 0);
    }
    return kept;
}

}  // namespace

Status make_precompiled(json::Fields& fields, std::unique_ptr<Normalizer>& made) {
    std::string bytes;
    const std::string encoded = fields.required_string("precompiled_charsmap");
    if (!json::decode_base64(encoded, bytes)) {
        fields.fail("precompiled_charsmap: expected base64");
    }
    if (!fields.ok()) {
        return {};
    }
    CharacterMap map;
    Status status = CharacterMap::read(bytes, map);
    if (!status.ok()) {
        return std::move(status).within(fields.place() + ": ");
    }
    if (fields.boolean("longest_match", false)) {
        made = std::make_unique<ByLongest>(std::move(map), read_kept(fields));
    } else {
        made = std::make_unique<ByGraphemes>(std::move(map));
    }
    return {};
}

}  // namespace godot_executorch::text
