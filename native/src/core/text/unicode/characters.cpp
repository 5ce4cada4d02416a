#include "core/text/unicode/characters.h"

#include <algorithm>

#include "core/text/unicode/tables.h"

namespace godot_executorch::unicode {
namespace {

uint8_t record_of(char32_t character) {
    return character <= kLastCharacter ? kPages[kPageOf[character >> 8] * 256U + (character & 0xFF)]
                                       : kPages[kPageOf[0xFF] * 256U];
}

bool within(Category value, Category first, Category last) {
    return value >= first && value <= last;
}

/// Reads one character; its length is 0 where the bytes are not UTF-8.
size_t read(std::string_view text, size_t at, char32_t& character) {
    const auto first = static_cast<unsigned char>(text[at]);
    const size_t length = utf8_length(first);
    if (length <= 1 || at + length > text.size()) {
        character = first;
        return length == 1 ? 1 : 0;
    }
    character = first & (0x7FU >> length);
    for (size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[at + i]);
        if ((next & 0xC0U) != 0x80U) {
            return 0;
        }
        character = character << 6 | (next & 0x3FU);
    }
    constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = character >= 0xD800 && character < 0xE000;
    return character < kSmallest[length] || character > kLastCharacter || is_surrogate ? 0 : length;
}

}  // namespace

Category category(char32_t character) {
    return static_cast<Category>(kRecordCategory[record_of(character)]);
}

int combining_class(char32_t character) {
    return character < 0x300 ? 0 : kRecordCombining[record_of(character)];
}

bool is_letter(char32_t character) {
    return within(category(character), Category::Lu, Category::Lo);
}

bool is_mark(char32_t character) {
    return within(category(character), Category::Mn, Category::Me);
}

bool is_number(char32_t character) {
    return within(category(character), Category::Nd, Category::No);
}

bool is_punctuation(char32_t character) {
    return within(category(character), Category::Pc, Category::Po);
}

bool is_symbol(char32_t character) {
    return within(category(character), Category::Sm, Category::So);
}

bool is_whitespace(char32_t character) {
    return character == ' ' || (character >= 9 && character <= 13) || character == 0x85 ||
           (character >= 0xA0 && within(category(character), Category::Zs, Category::Zp));
}

bool is_word(char32_t character) {
    const Category found = category(character);
    const bool is_circled_letter =
        (character >= 0x24B6 && character <= 0x24E9) || (character >= 0x1F130 && character <= 0x1F149) ||
        (character >= 0x1F150 && character <= 0x1F169) || (character >= 0x1F170 && character <= 0x1F189);
    return within(found, Category::Lu, Category::Nl) || found == Category::Pc || is_circled_letter ||
           character == 0x200C || character == 0x200D;
}

bool is_ideograph(char32_t character) {
    return (character >= 0x4E00 && character <= 0x9FFF) || (character >= 0x3400 && character <= 0x4DBF) ||
           (character >= 0x20000 && character <= 0x2A6DF) || (character >= 0x2A700 && character <= 0x2B73F) ||
           (character >= 0x2B740 && character <= 0x2B81F) || (character >= 0x2B920 && character <= 0x2CEAF) ||
           (character >= 0xF900 && character <= 0xFAFF) || (character >= 0x2F800 && character <= 0x2FA1F);
}

char32_t simple_lower(char32_t character) {
    if (character < 0x80) {
        return character >= 'A' && character <= 'Z' ? character + 32 : character;
    }
    std::u32string lower;
    return append_lower(character, lower) == 1 ? lower[0] : character;
}

size_t append_lower(char32_t character, std::u32string& out) {
    if (character < 0x80) {
        out += character >= 'A' && character <= 'Z' ? character + 32 : character;
        return 1;
    }
    const uint32_t* const end = kLowerKeys + kLowerCount;
    const uint32_t* const found = std::lower_bound(kLowerKeys, end, static_cast<uint32_t>(character));
    if (found == end || *found != character) {
        out += character;
        return 1;
    }
    const size_t index = static_cast<size_t>(found - kLowerKeys);
    for (uint32_t i = kLowerStarts[index]; i < kLowerStarts[index + 1]; ++i) {
        out += static_cast<char32_t>(kLowerPool[i]);
    }
    return kLowerStarts[index + 1] - kLowerStarts[index];
}

void append_utf8(char32_t character, std::string& out) {
    if (character < 0x80) {
        out += static_cast<char>(character);
    } else if (character < 0x800) {
        out += {static_cast<char>(0xC0 | character >> 6), static_cast<char>(0x80 | (character & 0x3F))};
    } else if (character < 0x10000) {
        out += {static_cast<char>(0xE0 | character >> 12), static_cast<char>(0x80 | (character >> 6 & 0x3F)),
                static_cast<char>(0x80 | (character & 0x3F))};
    } else {
        out += {static_cast<char>(0xF0 | character >> 18), static_cast<char>(0x80 | (character >> 12 & 0x3F)),
                static_cast<char>(0x80 | (character >> 6 & 0x3F)), static_cast<char>(0x80 | (character & 0x3F))};
    }
}

std::string to_utf8(std::u32string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (const char32_t character : text) {
        append_utf8(character, bytes);
    }
    return bytes;
}

std::u32string from_utf8(std::string_view text) {
    std::u32string characters;
    characters.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        char32_t character = 0;
        const size_t length = read(text, at, character);
        characters += length > 0 ? character : kReplacement;
        at += std::max<size_t>(length, 1);
    }
    return characters;
}

size_t utf8_length(unsigned char first) {
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xC2 || first > 0xF4) {
        return 0;
    }
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

size_t find_bad_utf8(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        char32_t character = 0;
        const size_t length = read(text, at, character);
        if (length == 0) {
            return at;
        }
        at += length;
    }
    return std::string_view::npos;
}

}  // namespace godot_executorch::unicode
