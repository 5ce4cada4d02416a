#include "core/text/unicode/normalization.h"

#include <algorithm>

#include "core/text/unicode/characters.h"
#include "core/text/unicode/tables.h"

namespace godot_executorch::unicode {
namespace {

// Hangul syllables are arithmetic: leading consonant, vowel, trailing consonant.
constexpr char32_t kSyllable = 0xAC00, kLeading = 0x1100, kVowel = 0x1161, kTrailing = 0x11A7;
constexpr char32_t kLeadings = 19, kVowels = 21, kTrailings = 28;
constexpr char32_t kSyllables = kLeadings * kVowels * kTrailings;

/// How many characters of the source each one stands for more than one: 1 was put in, -2 stands for three. Offsets are
/// counted from these in order, as the tokenizers library does it.
struct Normalized {
    std::u32string& text;
    std::vector<int32_t> changes;

    void add(char32_t character, int32_t change) {
        text += character;
        changes.push_back(change);
    }
};

void decompose_syllable(char32_t syllable, Normalized& out) {
    const char32_t index = syllable - kSyllable;
    out.add(kLeading + index / (kVowels * kTrailings), 0);
    out.add(kVowel + index % (kVowels * kTrailings) / kTrailings, 1);
    if (index % kTrailings != 0) {
        out.add(kTrailing + index % kTrailings, 1);
    }
}

void decompose(const std::u32string& text, bool compatible, Normalized& out) {
    const uint32_t* const keys = compatible ? kCompatibleKeys : kCanonicalKeys;
    const uint32_t* const starts = compatible ? kCompatibleStarts : kCanonicalStarts;
    const uint32_t* const pool = compatible ? kCompatiblePool : kCanonicalPool;
    const uint32_t* const end = keys + (compatible ? kCompatibleCount : kCanonicalCount);
    for (const char32_t character : text) {
        if (character < 0xA0) {
            out.add(character, 0);
            continue;
        }
        if (character - kSyllable < kSyllables) {
            decompose_syllable(character, out);
            continue;
        }
        const uint32_t* const found = std::lower_bound(keys, end, static_cast<uint32_t>(character));
        if (found == end || *found != character) {
            out.add(character, 0);
            continue;
        }
        const size_t index = static_cast<size_t>(found - keys);
        for (uint32_t i = starts[index]; i < starts[index + 1]; ++i) {
            out.add(static_cast<char32_t>(pool[i]), i > starts[index] ? 1 : 0);
        }
    }
}

/// Sorts each run of combining characters by class; equal classes keep their order.
void reorder(Normalized& out) {
    const size_t size = out.text.size();
    std::vector<std::pair<char32_t, int32_t>> run;
    for (size_t begin = 0; begin < size;) {
        if (combining_class(out.text[begin]) == 0) {
            ++begin;
            continue;
        }
        size_t end = begin;
        run.clear();
        while (end < size && combining_class(out.text[end]) != 0) {
            run.emplace_back(out.text[end], out.changes[end]);
            ++end;
        }
        std::stable_sort(run.begin(), run.end(), [](const auto& left, const auto& right) {
            return combining_class(left.first) < combining_class(right.first);
        });
        for (size_t i = 0; i < run.size(); ++i) {
            out.text[begin + i] = run[i].first;
            out.changes[begin + i] = run[i].second;
        }
        begin = end;
    }
}

/// 0 when the two have no composed form.
char32_t composed(char32_t first, char32_t second) {
    if (second < 0x300) {
        return 0;
    }
    if (first - kLeading < kLeadings && second - kVowel < kVowels) {
        return kSyllable + ((first - kLeading) * kVowels + second - kVowel) * kTrailings;
    }
    if (first - kSyllable < kSyllables && (first - kSyllable) % kTrailings == 0 && second > kTrailing &&
        second - kTrailing < kTrailings) {
        return first + second - kTrailing;
    }
    const uint64_t pair = static_cast<uint64_t>(first) << 32 | second;
    const uint64_t* const end = kPairs + kPairCount;
    const uint64_t* const found = std::lower_bound(kPairs, end, pair);
    return found != end && *found == pair ? static_cast<char32_t>(kComposed[found - kPairs]) : 0;
}

void compose(Normalized& out) {
    constexpr size_t kNone = static_cast<size_t>(-1);
    size_t kept = 0;
    size_t starter = kNone;
    int last_class = -1;  // of what stands between the starter and the character; -1: nothing does
    for (size_t at = 0; at < out.text.size(); ++at) {
        const char32_t character = out.text[at];
        const int own_class = combining_class(character);
        if (starter != kNone && last_class < own_class) {
            if (const char32_t joined = composed(out.text[starter], character)) {
                out.text[starter] = joined;
                out.changes[starter] += out.changes[at] - 1;
                continue;
            }
        }
        if (own_class == 0) {
            starter = kept;
            last_class = -1;
        } else {
            last_class = own_class;
        }
        out.text[kept] = character;
        out.changes[kept] = out.changes[at];
        ++kept;
    }
    out.text.resize(kept);
    out.changes.resize(kept);
}

/// For each character the one of the source that it stands for.
void find_sources(const std::vector<int32_t>& changes, size_t source_size, std::vector<uint32_t>& source) {
    int64_t next = 0;
    const auto last = static_cast<int64_t>(source_size) - 1;
    for (const int32_t change : changes) {
        source.push_back(static_cast<uint32_t>(std::clamp<int64_t>(change > 0 ? next - 1 : next, 0, last)));
        next += change > 0 ? 0 : 1 - change;
    }
}

}  // namespace

void normalize(const std::u32string& text, Form form, std::u32string& out, std::vector<uint32_t>& source) {
    out.clear();
    source.clear();
    Normalized normalized{out, {}};
    decompose(text, form == Form::Nfkd || form == Form::Nfkc, normalized);
    reorder(normalized);
    if (form == Form::Nfc || form == Form::Nfkc) {
        compose(normalized);
    }
    find_sources(normalized.changes, text.size(), source);
}

}  // namespace godot_executorch::unicode
