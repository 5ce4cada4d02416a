#include "model/process_memory.h"

#include <malloc.h>

namespace godot_executorch {

size_t heap_in_use() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

}  // namespace godot_executorch
