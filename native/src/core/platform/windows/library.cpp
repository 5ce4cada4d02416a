#include "core/platform/library.h"

#include <windows.h>

#include "core/platform/windows/wide_text.h"

namespace godot_executorch {
namespace {

/// The folder of the library that this code is in, with a separator at the end.
std::wstring own_folder() {
    static const char inside = 0;
    HMODULE own = nullptr;
    const DWORD how = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!::GetModuleHandleExW(how, reinterpret_cast<LPCWSTR>(&inside), &own)) {
        return {};
    }
    std::wstring path(32768, L'\0');
    path.resize(::GetModuleFileNameW(own, path.data(), static_cast<DWORD>(path.size())));
    return path.substr(0, path.find_last_of(L"\\/") + 1);
}

/// A library's own dependencies are looked for beside it.
HMODULE open(const std::wstring& path) {
    return ::LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
}

}  // namespace

bool open_library(const std::string& path, std::string& reason) {
    std::wstring place = to_wide(path);
    for (wchar_t& character : place) {
        character = character == L'/' ? L'\\' : character;  // the altered search path is for such paths only
    }
    if (open(place) != nullptr) {
        return true;
    }
    reason = last_error_text();
    return false;
}

void* find_in_library(const std::string& name, const char* symbol) {
    const HMODULE library = open(own_folder() + to_wide(name) + L".dll");
    return library != nullptr ? reinterpret_cast<void*>(::GetProcAddress(library, symbol)) : nullptr;
}

}  // namespace godot_executorch
