#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/status.h"
#include "core/vision/detection.h"

namespace godot_executorch::vision {

/// Rows of 8-bit pixels without padding.
struct Bytes {
    const uint8_t* data = nullptr;
    size_t count = 0;
    size_t width = 0;
    size_t height = 0;
    size_t channels = 3;
};

/// A rectangle in any direction as a picture of its own. corners: top left, top right and bottom left, in pixels.
/// Values between pixels are interpolated; outside of the picture its border continues. `result` takes width * height *
/// channels bytes. Fails with WRONG_SHAPE or INVALID_OPTION.
Status crop(const Bytes& picture, const std::array<Point, 3>& corners, size_t width, size_t height, uint8_t* result);

}  // namespace godot_executorch::vision
