#include "core/platform/file.h"

#include <windows.h>

#include <algorithm>
#include <utility>

#include "core/platform/windows/wide_text.h"

namespace godot_executorch {
namespace {

constexpr size_t kLargestPart = size_t{1} << 30;  // one call moves less than 4 GB

HANDLE to_handle(intptr_t handle) {
    return reinterpret_cast<HANDLE>(handle);
}

int64_t number_of(const FILETIME& time) {
    return (int64_t{time.dwHighDateTime} << 32) + time.dwLowDateTime;
}

// The coarsest clock of a file system, FAT's; the system counts tenths of a microsecond.
constexpr int64_t kSettledTime = 2 * int64_t{10'000'000};

/// Whether the next change of a file will give it other times.
bool is_settled(const FILE_BASIC_INFO& times) {
    FILETIME now = {};
    ::GetSystemTimeAsFileTime(&now);
    return number_of(now) > times.ChangeTime.QuadPart + kSettledTime;
}

bool write_all(HANDLE file, const std::vector<uint8_t>& bytes) {
    for (size_t at = 0; at < bytes.size();) {
        const auto part = static_cast<DWORD>(std::min(bytes.size() - at, kLargestPart));
        DWORD written = 0;
        if (!::WriteFile(file, bytes.data() + at, part, &written, nullptr) || written == 0) {
            return false;
        }
        at += written;
    }
    return ::FlushFileBuffers(file) != 0;
}

}  // namespace

// '<' cannot be in a name.
const char* const kNoFileFolder = "<godot_executorch>/";

File::~File() {
    if (handle_ != -1) {
        ::CloseHandle(to_handle(handle_));
    }
}

File::File(File&& other) noexcept : handle_(std::exchange(other.handle_, -1)), size_(other.size_) {
}

File& File::operator=(File&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(size_, other.size_);
    return *this;
}

Status File::open(const std::string& path, File& file) {
    File opened;
    opened.handle_ = reinterpret_cast<intptr_t>(::CreateFileW(to_wide(path).c_str(), GENERIC_READ,
                                                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                                              nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (opened.handle_ == -1) {
        return Status(Code::FileUnreadable, "cannot open " + path + ": " + last_error_text());
    }
    if (::GetFileType(to_handle(opened.handle_)) != FILE_TYPE_DISK) {
        return Status(Code::FileUnreadable, path + " is not a file");
    }
    LARGE_INTEGER size = {};
    if (!::GetFileSizeEx(to_handle(opened.handle_), &size)) {
        return Status(Code::FileUnreadable, "cannot open " + path + ": " + last_error_text());
    }
    opened.size_ = static_cast<size_t>(size.QuadPart);
    file = std::move(opened);
    return {};
}

size_t File::current_size() const {
    LARGE_INTEGER size = {};
    return ::GetFileSizeEx(to_handle(handle_), &size) ? static_cast<size_t>(size.QuadPart) : 0;
}

std::string File::identity() const {
    BY_HANDLE_FILE_INFORMATION info = {};
    FILE_BASIC_INFO times = {};
    if (!::GetFileInformationByHandle(to_handle(handle_), &info) ||
        !::GetFileInformationByHandleEx(to_handle(handle_), FileBasicInfo, &times, sizeof times) ||
        !is_settled(times)) {
        return {};
    }
    const uint64_t number = (uint64_t{info.nFileIndexHigh} << 32) + info.nFileIndexLow;
    const uint64_t size = (uint64_t{info.nFileSizeHigh} << 32) + info.nFileSizeLow;
    return std::to_string(info.dwVolumeSerialNumber) + ":" + std::to_string(number) + ":" + std::to_string(size) + ":" +
           std::to_string(number_of(info.ftLastWriteTime)) + ":" + std::to_string(times.ChangeTime.QuadPart);
}

bool File::read_at(uint64_t offset, size_t size, void* destination) const {
    auto* target = static_cast<char*>(destination);
    while (size > 0) {
        OVERLAPPED place = {};
        place.Offset = static_cast<DWORD>(offset);
        place.OffsetHigh = static_cast<DWORD>(offset >> 32);
        DWORD count = 0;
        const auto part = static_cast<DWORD>(std::min(size, kLargestPart));
        if (!::ReadFile(to_handle(handle_), target, part, &count, &place) || count == 0) {
            return false;
        }
        target += count;
        offset += count;
        size -= count;
    }
    return true;
}

bool is_file_locked(const std::string&) {
    return false;
}

bool write_file(const std::string& path, const std::vector<uint8_t>& bytes) {
    const std::wstring partial = to_wide(path + ".partial");
    const HANDLE file =
        ::CreateFileW(partial.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        return false;
    }
    bool written = write_all(file, bytes);
    written = ::CloseHandle(file) != 0 && written;
    const DWORD how = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
    if (written && ::MoveFileExW(partial.c_str(), to_wide(path).c_str(), how)) {
        return true;
    }
    ::DeleteFileW(partial.c_str());
    return false;
}

}  // namespace godot_executorch
