#include "core/vision/crop.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace godot_executorch::vision {
namespace {

constexpr size_t kMostSide = 16384;

/// The two pixels around a coordinate, and the share of the second.
struct Between {
    size_t first = 0;
    size_t second = 0;
    float share = 0;

    Between(float at, size_t size) {
        const float inside = std::clamp(at, 0.0F, static_cast<float>(size - 1));
        first = static_cast<size_t>(inside);
        second = std::min(first + 1, size - 1);
        share = inside - static_cast<float>(first);
    }
};

float mixed(float first, float second, float share) {
    return first + (second - first) * share;
}

}  // namespace

Status crop(const Bytes& picture, const std::array<Point, 3>& corners, size_t width, size_t height, uint8_t* result) {
    const auto fits = [](size_t side) { return side > 0 && side <= kMostSide; };
    if (!fits(picture.width) || !fits(picture.height) || picture.channels < 1 || picture.channels > 4 ||
        picture.count != picture.width * picture.height * picture.channels) {
        return Status(Code::WrongShape, "expected " + std::to_string(picture.width) + " x " +
                                            std::to_string(picture.height) + " pixels, at most 16384 x 16384, got " +
                                            std::to_string(picture.count) + " bytes");
    }
    const bool is_finite = std::all_of(corners.begin(), corners.end(), [](const Point& point) {
        return std::isfinite(point.x) && std::isfinite(point.y);
    });
    if (!fits(width) || !fits(height) || !is_finite) {
        return Status(Code::InvalidOption, "expected a rectangle with 1 to 16384 pixels on each side");
    }
    const auto [origin, right, down] = corners;
    for (size_t y = 0; y < height; ++y) {
        const float v = (static_cast<float>(y) + 0.5F) / static_cast<float>(height);
        for (size_t x = 0; x < width; ++x) {
            const float u = (static_cast<float>(x) + 0.5F) / static_cast<float>(width);
            const float at_x = origin.x + u * (right.x - origin.x) + v * (down.x - origin.x) - 0.5F;
            const float at_y = origin.y + u * (right.y - origin.y) + v * (down.y - origin.y) - 0.5F;
            const Between column(at_x, picture.width);
            const Between row(at_y, picture.height);
            const auto value = [&](size_t line, size_t place, size_t channel) {
                return static_cast<float>(picture.data[(line * picture.width + place) * picture.channels + channel]);
            };
            for (size_t channel = 0; channel < picture.channels; ++channel) {
                const float above = mixed(value(row.first, column.first, channel),
                                          value(row.first, column.second, channel), column.share);
                const float below = mixed(value(row.second, column.first, channel),
                                          value(row.second, column.second, channel), column.share);
                *result++ = static_cast<uint8_t>(std::lround(mixed(above, below, row.share)));
            }
        }
    }
    return {};
}

}  // namespace godot_executorch::vision
