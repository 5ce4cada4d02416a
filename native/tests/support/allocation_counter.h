#pragma once

#include <cstddef>

namespace godot_executorch::testing {

/// Heap allocations of this process since the last reset, by malloc and its relatives. Not in sanitizer builds.
void reset_allocation_count();
size_t allocation_count();
bool counts_allocations();

}  // namespace godot_executorch::testing
