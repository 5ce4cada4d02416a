#include <fcntl.h>
#include <unistd.h>

#include "core/platform/posix/system_parts.h"

namespace godot_executorch {

bool make_pipe(int (&ends)[2]) {
    return ::pipe2(ends, O_CLOEXEC) == 0;
}

}  // namespace godot_executorch
