#include "core/platform/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/platform/posix/system_parts.h"

namespace godot_executorch {
namespace {

int descriptor(intptr_t handle) {
    return static_cast<int>(handle);
}

std::string text_of(const int64_t (&time)[2]) {
    return std::to_string(time[0]) + "." + std::to_string(time[1]);
}

// The coarsest clock of a file system, FAT's.
constexpr int64_t kSettledSeconds = 2;

/// Whether the next change of a file will give it other times. Nobody can set the time of a change of its entry.
bool is_settled(const FileFacts& facts) {
    timespec now = {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > facts.changed[0] + kSettledSeconds;
}

}  // namespace

const char* const kNoFileFolder = "/dev/null/godot_executorch/";

File::~File() {
    if (handle_ >= 0) {
        ::close(descriptor(handle_));
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
    // Without O_NONBLOCK, opening a pipe waits for a writer.
    opened.handle_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FileFacts facts;
    if (opened.handle_ < 0 || !read_facts(descriptor(opened.handle_), facts)) {
        return Status(Code::FileUnreadable, "cannot open " + path + ": " + std::strerror(errno));
    }
    if (!facts.is_regular) {
        return Status(Code::FileUnreadable, path + " is not a file");
    }
    opened.size_ = static_cast<size_t>(facts.size);
    file = std::move(opened);
    return {};
}

size_t File::current_size() const {
    // Nothing else uses the position: pread() has one of its own.
    const off_t end = ::lseek(descriptor(handle_), 0, SEEK_END);
    return end > 0 ? static_cast<size_t>(end) : 0;
}

std::string File::identity() const {
    FileFacts facts;
    if (!read_facts(descriptor(handle_), facts) || !is_settled(facts)) {
        return {};
    }
    return std::to_string(facts.device) + ":" + std::to_string(facts.number) + ":" + std::to_string(facts.size) + ":" +
           text_of(facts.modified) + ":" + text_of(facts.changed);
}

bool File::read_at(uint64_t offset, size_t size, void* destination) const {
    auto* target = static_cast<char*>(destination);
    while (size > 0) {
        const ssize_t count = ::pread(descriptor(handle_), target, size, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        target += count;
        offset += static_cast<uint64_t>(count);
        size -= static_cast<size_t>(count);
    }
    return true;
}

bool is_file_locked(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return false;
    }
    const bool is_locked = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ::close(file);
    return is_locked;
}

bool write_file(const std::string& path, const std::vector<uint8_t>& bytes) {
    const std::string partial = path + ".partial";
    std::FILE* file = std::fopen(partial.c_str(), "wb");
    if (file == nullptr) {
        return false;
    }
    bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size() && std::fflush(file) == 0;
    written = flush_file(::fileno(file)) && written;
    written = std::fclose(file) == 0 && written;
    if (written && std::rename(partial.c_str(), path.c_str()) == 0) {
        return true;
    }
    std::remove(partial.c_str());
    return false;
}

}  // namespace godot_executorch
