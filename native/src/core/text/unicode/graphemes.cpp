#include "core/text/unicode/graphemes.h"

#include <algorithm>
#include <iterator>

#include "core/text/unicode/characters.h"

namespace godot_executorch::unicode {
namespace {

struct Range {
    char32_t first;
    char32_t last;
};

// GraphemeBreakProperty.txt, where it does not follow from the category.
constexpr Range kPrepended[] = {{0x600, 0x605},     {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},
                                {0x8E2, 0x8E2},     {0xD4E, 0xD4E},     {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
                                {0x111C2, 0x111C3}, {0x113D1, 0x113D1}, {0x1193F, 0x1193F}, {0x11941, 0x11941},
                                {0x11A3A, 0x11A3A}, {0x11A84, 0x11A89}, {0x11D46, 0x11D46}, {0x11F02, 0x11F02}};
constexpr Range kExtending[] = {{0xE33, 0xE33},   {0xEB3, 0xEB3},     {0x200C, 0x200D},
                                {0xFF9E, 0xFF9F}, {0x1F3FB, 0x1F3FF}, {0xE0020, 0xE007F}};
constexpr Range kStandingMarks[] = {{0x102B, 0x102C},  {0x1038, 0x1038}, {0x1062, 0x1064}, {0x1067, 0x106D},
                                    {0x1083, 0x1083},  {0x1087, 0x108C}, {0x108F, 0x108F}, {0x109A, 0x109C},
                                    {0x1A61, 0x1A61},  {0x1A63, 0x1A64}, {0xAA7B, 0xAA7B}, {0xAA7D, 0xAA7D},
                                    {0x11720, 0x11721}};
constexpr Range kUnassignedControls[] = {
    {0x2065, 0x2065}, {0xFFF0, 0xFFF8}, {0xE0000, 0xE001F}, {0xE0080, 0xE00FF}, {0xE01F0, 0xE0FFF}};

template <size_t Size>
bool is_in(const Range (&ranges)[Size], char32_t character) {
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [character](const Range& range) { return character >= range.first && character <= range.last; });
}

bool is_control(char32_t character) {
    switch (category(character)) {
        case Category::Cc:
        case Category::Zl:
        case Category::Zp:
            return true;
        case Category::Cf:
            return !is_in(kExtending, character) && !is_in(kPrepended, character);
        case Category::Cn:
            return is_in(kUnassignedControls, character);
        default:
            return false;
    }
}

/// Belongs to the character before it.
bool extends(char32_t character) {
    return is_in(kExtending, character) || (is_mark(character) && !is_in(kStandingMarks, character));
}

}  // namespace

size_t grapheme_end(std::u32string_view text, size_t at) {
    if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') {
        return at + 2;
    }
    while (at + 1 < text.size()) {
        const char32_t character = text[at++];
        // ASCII is what most texts are made of, and joins nothing.
        if ((character < 0x80 && text[at] < 0x80) || is_control(character)) {
            return at;
        }
        const bool joins = extends(text[at]) || (is_in(kPrepended, character) && !is_control(text[at]));
        if (!joins) {
            return at;
        }
    }
    return text.size();
}

}  // namespace godot_executorch::unicode
