#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What Unicode says of a character, and UTF-8.
namespace godot_executorch::unicode {

/// In the order of make_tables.py.
enum class Category : uint8_t {
    Lu,
    Ll,
    Lt,
    Lm,
    Lo,
    Mn,
    Mc,
    Me,
    Nd,
    Nl,
    No,
    Pc,
    Pd,
    Ps,
    Pe,
    Pi,
    Pf,
    Po,
    Sm,
    Sc,
    Sk,
    So,
    Zs,
    Zl,
    Zp,
    Cc,
    Cf,
    Cs,
    Co,
    Cn
};

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kLastCharacter = 0x10FFFF;

Category category(char32_t character);
/// The canonical combining class.
int combining_class(char32_t character);

bool is_letter(char32_t character);
bool is_mark(char32_t character);
bool is_number(char32_t character);
bool is_punctuation(char32_t character);
bool is_symbol(char32_t character);
/// White_Space of Unicode.
bool is_whitespace(char32_t character);
/// \w of regular expressions.
bool is_word(char32_t character);
/// Ideographs that the Bert normalizer puts spaces around.
bool is_ideograph(char32_t character);

/// The one lower-case letter, or the character itself.
char32_t simple_lower(char32_t character);
/// Appends the lower-case form, which may have several characters. Returns how many.
size_t append_lower(char32_t character, std::u32string& out);

void append_utf8(char32_t character, std::string& out);
std::string to_utf8(std::u32string_view text);
/// Bytes that are not UTF-8 become U+FFFD, one for each.
std::u32string from_utf8(std::string_view text);
/// The bytes of the character that begins with `first`; 0 when none does.
size_t utf8_length(unsigned char first);
/// Where the first byte that is not UTF-8 is, or npos.
size_t find_bad_utf8(std::string_view text);

}  // namespace godot_executorch::unicode
