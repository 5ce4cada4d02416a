#include <fcntl.h>
#include <unistd.h>

#include "core/platform/posix/system_parts.h"

namespace godot_executorch {

bool make_pipe(int (&ends)[2]) {
    if (::pipe(ends) != 0) {
        return false;
    }
    // There is no pipe2() here: a program that is started in between inherits the ends and does no harm with them.
    ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    ::fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return true;
}

}  // namespace godot_executorch
