#include "core/text/json/base64.h"

#include <cstdint>

namespace godot_executorch::json {
namespace {

/// -1 of a character that is not a digit.
int digit(char character) {
    if (character >= 'A' && character <= 'Z') {
        return character - 'A';
    }
    if (character >= 'a' && character <= 'z') {
        return character - 'a' + 26;
    }
    if (character >= '0' && character <= '9') {
        return character - '0' + 52;
    }
    return character == '+' ? 62 : character == '/' ? 63 : -1;
}

}  // namespace

bool decode_base64(std::string_view text, std::string& bytes) {
    if (text.size() % 4 != 0) {
        return false;
    }
    const size_t padding = text.empty() ? 0 : text[text.size() - 1] != '=' ? 0 : text[text.size() - 2] != '=' ? 1 : 2;
    bytes.clear();
    bytes.reserve(text.size() / 4 * 3);
    uint32_t group = 0;
    const size_t digits = text.size() - padding;
    for (size_t i = 0; i < digits; ++i) {
        const int value = digit(text[i]);
        if (value < 0) {
            return false;
        }
        group = group << 6 | static_cast<uint32_t>(value);
        if (i % 4 > 0) {
            bytes += static_cast<char>(group >> (6 - 2 * (i % 4)) & 0xFF);
        }
    }
    // Bits that no byte has.
    return padding == 0 || (group & ((1U << (2 * padding)) - 1)) == 0;
}

}  // namespace godot_executorch::json
