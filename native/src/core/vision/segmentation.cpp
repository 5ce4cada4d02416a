#include "core/vision/segmentation.h"

#include <cstring>
#include <limits>
#include <string>

namespace godot_executorch::vision {
namespace {

constexpr size_t kMostSide = 16384;
constexpr size_t kPixelBytes = 4;

/// Writes the classes of one row of the region; `best` has its width.
void classify_row(const ScoreMap& map, const Region& region, size_t y, std::vector<float>& best, uint8_t* classes) {
    const size_t plane = map.width * map.height;
    const size_t pixel_step = map.channels_first ? 1 : map.channels;
    const size_t channel_step = map.channels_first ? plane : 1;
    const float* first = map.values + (y * map.width + region.left) * pixel_step;
    if (map.kind != MapKind::Scores) {
        for (size_t x = 0; x < region.width; ++x) {
            const float value = first[x * pixel_step];
            const bool is_class = value >= 0 && value < static_cast<float>(kMostClasses);
            classes[x] = map.kind == MapKind::Threshold ? (value > map.threshold ? 1 : 0)
                                                        : (is_class ? static_cast<uint8_t>(value) : 0);
        }
        return;
    }
    std::memset(classes, 0, region.width);
    best.assign(region.width, -std::numeric_limits<float>::infinity());
    for (size_t channel = 0; channel < map.channels; ++channel) {
        const float* values = first + channel * channel_step;
        for (size_t x = 0; x < region.width; ++x) {
            const float value = values[x * pixel_step];
            if (value > best[x]) {
                best[x] = value;
                classes[x] = static_cast<uint8_t>(channel);
            }
        }
    }
}

}  // namespace

Status class_map(const ScoreMap& map, const Region& region, std::vector<uint8_t>& classes,
                 std::array<int64_t, kMostClasses>& pixels) {
    const bool has_size = map.width > 0 && map.width <= kMostSide && map.height > 0 && map.height <= kMostSide;
    if (!has_size || map.channels < 1 || map.channels > kMostClasses ||
        map.count != map.width * map.height * map.channels) {
        return Status(Code::WrongShape, "expected " + std::to_string(map.channels) + " channels of " +
                                            std::to_string(map.width) + " x " + std::to_string(map.height) +
                                            " values, at most 256 of 16384 x 16384, got " + std::to_string(map.count));
    }
    if (region.left >= map.width || region.width > map.width - region.left || region.top >= map.height ||
        region.height > map.height - region.top) {
        return Status(Code::InvalidOption, "the region lies outside of the map");
    }
    classes.resize(region.width * region.height);
    pixels.fill(0);
    std::vector<float> best;
    for (size_t row = 0; row < region.height; ++row) {
        classify_row(map, region, region.top + row, best, classes.data() + row * region.width);
    }
    for (const uint8_t found : classes) {
        ++pixels[found];
    }
    return {};
}

void paint(const std::vector<uint8_t>& classes, const uint8_t* palette, uint8_t* result) {
    for (const uint8_t found : classes) {
        std::memcpy(result, palette + found * kPixelBytes, kPixelBytes);
        result += kPixelBytes;
    }
}

}  // namespace godot_executorch::vision
