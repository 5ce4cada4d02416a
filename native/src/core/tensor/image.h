#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"

namespace godot_executorch {

/// What one output position takes from the input line.
struct FilterTaps {
    int first = 0;
    std::vector<float> weights;
};

enum class PixelElement { Byte, Half, Float };

/// Pixels in rows without padding. Bytes stand for 0 to 1; floats for themselves.
struct Pixels {
    const uint8_t* data = nullptr;
    PixelElement element = PixelElement::Byte;
    int width = 0;
    int height = 0;
    int stored = 0;        // elements of a pixel
    int channels = 0;      // that carry something, at most `stored`
    bool is_grey = false;  // grey, and alpha when there are two; else red, green, blue, alpha
};

struct ImageLayout {
    int width = 0;  // 0 = the image's own
    int height = 0;
    std::string channels = "rgb";  // rgb bgr rgba gray
    std::vector<float> mean;       // per channel, one for all, or none; of values from 0 to 1
    std::vector<float> deviation;
    bool channels_first = true;  // NCHW, else NHWC
    // A larger picture around the image, and where the image is in it; without a size there is none.
    int frame_width = 0;
    int frame_height = 0;
    int left = 0;
    int top = 0;
    float padding = 0;  // of all channels, from 0 to 1
};

/// Resizes with a triangle filter that widens when it shrinks (as PIL and torch's antialias=True do), puts the image
/// into its frame, then subtracts the mean and divides by the deviation.
class ImageReader {
  public:
    Status prepare(const Pixels& pixels, const ImageLayout& layout);
    /// channels * height * width of the frame, after prepare().
    size_t value_count() const;
    /// Writes that many values.
    void read(float* result) const;

  private:
    void read_line(int y, float* line) const;
    void narrow(const float* line, float* narrowed) const;
    /// Where a channel of a pixel of the frame is in the result.
    size_t place_of(size_t x, size_t y, size_t channel) const;
    void pad(float* result) const;

    Pixels pixels_;
    int width_ = 0;
    int height_ = 0;
    ImageLayout layout_;
    std::vector<int> sources_;
    std::vector<float> mean_;
    std::vector<float> deviation_;
    std::vector<FilterTaps> columns_;
    std::vector<FilterTaps> rows_;
};

/// Reverses the conversion, without resizing: layout's width, height and channels are those of the values. `result` has
/// 8-bit pixels in RGB, RGBA or grey; values outside of 0..1 are clamped.
Status floats_to_pixels(const std::vector<float>& values, const ImageLayout& layout, std::vector<uint8_t>& result);

}  // namespace godot_executorch
