#include "core/audio/pcm.h"

namespace godot_executorch::audio {

std::vector<float> decode_pcm(const uint8_t* bytes, size_t count, int64_t bits) {
    std::vector<float> samples;
    if (bits == 8) {
        samples.reserve(count);
        for (size_t i = 0; i < count; ++i) {
            samples.push_back(static_cast<float>(static_cast<int8_t>(bytes[i])) / 128.0F);
        }
    } else if (bits == 16) {
        samples.reserve(count / 2);
        for (size_t i = 0; i + 1 < count; i += 2) {
            const auto value = static_cast<uint16_t>(bytes[i] | (bytes[i + 1] << 8));
            samples.push_back(static_cast<float>(static_cast<int16_t>(value)) / 32768.0F);
        }
    }
    return samples;
}

}  // namespace godot_executorch::audio
