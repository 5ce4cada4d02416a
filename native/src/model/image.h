#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/failure.h"

namespace godot_executorch {

/// 8-bit pixels in rows without padding.
struct Pixels {
    const uint8_t* data = nullptr;
    int width = 0;
    int height = 0;
    int channels = 0;  // 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
};

struct ImageLayout {
    int width = 0;  // 0 = the image's own
    int height = 0;
    std::string channels = "rgb";  // rgb bgr rgba gray
    std::vector<float> mean;       // per channel, one for all, or none; of values from 0 to 1
    std::vector<float> deviation;
    bool channels_first = true;  // NCHW, else NHWC
};

/// Resizes with a triangle filter that widens when it shrinks (as PIL and torch's antialias=True do), then scales to
/// 0..1, subtracts the mean and divides by the deviation. `result` has channels * height * width values.
Status image_to_floats(const Pixels& pixels, const ImageLayout& layout, std::vector<float>& result);

/// The way back, without resizing: layout's width, height and channels are those of the values. `result` has 8-bit
/// pixels in RGB, RGBA or grey; what is outside of 0..1 is cut off.
Status floats_to_pixels(const std::vector<float>& values, const ImageLayout& layout, std::vector<uint8_t>& result);

}  // namespace godot_executorch
