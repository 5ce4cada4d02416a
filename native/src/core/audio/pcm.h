#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace godot_executorch::audio {

/// Signed whole numbers of 8 or 16 bits (little endian) as samples from -1 to below 1. A last byte that is half of a
/// sample is left out; other widths give nothing.
std::vector<float> decode_pcm(const uint8_t* bytes, size_t count, int64_t bits);

}  // namespace godot_executorch::audio
