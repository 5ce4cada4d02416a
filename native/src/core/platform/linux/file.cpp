#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/platform/posix/system_parts.h"

namespace godot_executorch {

bool read_facts(int file, FileFacts& facts) {
    // fstat() has another name in every glibc before 2.33.
    struct statx info = {};
    if (::statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info) != 0) {
        return false;
    }
    facts.is_regular = S_ISREG(info.stx_mode);
    facts.size = info.stx_size;
    facts.device = (uint64_t{info.stx_dev_major} << 32) + info.stx_dev_minor;
    facts.number = info.stx_ino;
    facts.modified[0] = info.stx_mtime.tv_sec;
    facts.modified[1] = info.stx_mtime.tv_nsec;
    facts.changed[0] = info.stx_ctime.tv_sec;
    facts.changed[1] = info.stx_ctime.tv_nsec;
    return true;
}

bool flush_file(int file) {
    return ::fsync(file) == 0;
}

}  // namespace godot_executorch
