#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"

namespace godot_executorch {

/// A folder that never exists: failures to open files in it are intended and are not logged.
extern const char* const kNoFileFolder;

/// Files of packed weights, and those that are being made. That one cannot be opened or locked is expected and not
/// logged.
inline constexpr const char* kPackedSuffix = ".xnnpacked";
inline constexpr const char* kUnfinishedSuffix = ".xnnpacking";

/// A regular file that is open for reading.
class File {
  public:
    File() = default;
    ~File();
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;

    /// FILE_UNREADABLE for what cannot be opened, and for what is not a regular file.
    static Status open(const std::string& path, File& file);

    /// Bytes when it was opened.
    size_t size() const { return size_; }
    /// Bytes now; 0 when the system cannot say.
    size_t current_size() const;
    /// Changes when the file does: device, number, size, and the times of its last changes. Empty for a file that was
    /// changed within the last seconds: another change may leave the same times.
    std::string identity() const;
    bool read_at(uint64_t offset, size_t size, void* destination) const;
    /// The system's own handle, for what maps the file.
    intptr_t handle() const { return handle_; }

  private:
    intptr_t handle_ = -1;
    size_t size_ = 0;
};

/// Whether another opened file holds a lock (flock) on this one that keeps readers away. False for a missing file, and
/// on systems without such locks.
bool is_file_locked(const std::string& path);

/// Writes a temporary file beside `path`, flushes it and renames it, so that a reader sees all of it or nothing.
bool write_file(const std::string& path, const std::vector<uint8_t>& bytes);

}  // namespace godot_executorch
