#pragma once

#include <cstddef>
#include <cstdint>

namespace godot_executorch {

constexpr size_t kMemoryAlignment = 64;

constexpr size_t align_up(size_t size) {
    return (size + kMemoryAlignment - 1) / kMemoryAlignment * kMemoryAlignment;
}

constexpr bool is_power_of_two(size_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

/// Bytes from `pointer` to the next multiple of `alignment`.
inline size_t padding_for(const uint8_t* pointer, size_t alignment) {
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    return (alignment - address % alignment) % alignment;
}

}  // namespace godot_executorch
