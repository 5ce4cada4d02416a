#pragma once

#include <string>

namespace godot_executorch {

/// What Windows wants of a text in UTF-8; empty for what is not UTF-8.
std::wstring to_wide(const std::string& text);
std::string from_wide(const std::wstring& text);

/// What the system says of GetLastError().
std::string last_error_text();

}  // namespace godot_executorch
