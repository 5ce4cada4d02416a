#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace godot_executorch::unicode {

enum class Form { Nfd, Nfkd, Nfc, Nfkc };

/// The normalized text, and for each of its characters the index of the character of `text` that it came from.
void normalize(const std::u32string& text, Form form, std::u32string& out, std::vector<uint32_t>& source);

}  // namespace godot_executorch::unicode
