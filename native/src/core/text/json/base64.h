#pragma once

#include <string>
#include <string_view>

namespace godot_executorch::json {

/// Decodes a text with its padding. False when it is not base64.
bool decode_base64(std::string_view text, std::string& bytes);

}  // namespace godot_executorch::json
