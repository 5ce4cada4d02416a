#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/platform/posix/system_parts.h"

namespace godot_executorch {

bool read_facts(int file, FileFacts& facts) {
    struct stat info = {};
    if (::fstat(file, &info) != 0) {
        return false;
    }
    facts.is_regular = S_ISREG(info.st_mode);
    facts.size = static_cast<uint64_t>(info.st_size);
    facts.device = static_cast<uint64_t>(info.st_dev);
    facts.number = info.st_ino;
    facts.modified[0] = info.st_mtimespec.tv_sec;
    facts.modified[1] = info.st_mtimespec.tv_nsec;
    facts.changed[0] = info.st_ctimespec.tv_sec;
    facts.changed[1] = info.st_ctimespec.tv_nsec;
    return true;
}

bool flush_file(int file) {
    // fsync() leaves what was written in the drive's cache; not every file system has the other.
    return ::fcntl(file, F_FULLFSYNC) == 0 || ::fsync(file) == 0;
}

}  // namespace godot_executorch
