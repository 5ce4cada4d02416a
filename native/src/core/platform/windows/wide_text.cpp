#include "core/platform/windows/wide_text.h"

#include <windows.h>

namespace godot_executorch {

std::wstring to_wide(const std::string& text) {
    const int bytes = static_cast<int>(text.size());
    const int count = ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), bytes, nullptr, 0);
    std::wstring wide(static_cast<size_t>(count), L'\0');
    ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), bytes, wide.data(), count);
    return wide;
}

std::string from_wide(const std::wstring& text) {
    const int characters = static_cast<int>(text.size());
    const int count = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), characters, nullptr, 0, nullptr, nullptr);
    std::string bytes(static_cast<size_t>(count), '\0');
    ::WideCharToMultiByte(CP_UTF8, 0, text.data(), characters, bytes.data(), count, nullptr, nullptr);
    return bytes;
}

std::string last_error_text() {
    const DWORD error = ::GetLastError();
    wchar_t buffer[512];
    const DWORD count =
        ::FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
                         nullptr, error, 0, buffer, 512, nullptr);
    const std::string text = from_wide(std::wstring(buffer, count));
    return text.empty() ? "error " + std::to_string(error) : text;
}

}  // namespace godot_executorch
