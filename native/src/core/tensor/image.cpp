#include "core/tensor/image.h"

#include <executorch/runtime/core/portable_type/half.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace godot_executorch {
namespace {

constexpr int kMaximumSide = 16384;
constexpr int kOpaque = 4;  // channels of a pixel with alpha

std::vector<FilterTaps> triangle_filter(int from, int to) {
    const double scale = static_cast<double>(from) / to;
    const double support = std::max(scale, 1.0);
    std::vector<FilterTaps> filter(static_cast<size_t>(to));
    for (int i = 0; i < to; ++i) {
        const double center = (i + 0.5) * scale;
        const int first = std::max(0, static_cast<int>(center - support + 0.5));
        const int last = std::min(from, static_cast<int>(center + support + 0.5));
        FilterTaps& taps = filter[static_cast<size_t>(i)];
        taps.first = first;
        double sum = 0;
        std::vector<double> weights;
        for (int x = first; x < last; ++x) {
            weights.push_back(std::max(0.0, 1.0 - std::abs((x - center + 0.5) / support)));
            sum += weights.back();
        }
        for (const double weight : weights) {
            taps.weights.push_back(static_cast<float>(weight / sum));
        }
    }
    return filter;
}

// Sources of a wanted channel that are not a channel of the pixel.
constexpr int kLuminance = -1;
constexpr int kOne = -2;
constexpr int kZero = -3;

/// Which channel of the pixel each wanted channel is. Missing colours are 0 and a missing alpha is 1, as Godot's
/// get_pixel() has them.
Status channel_sources(const std::string& wanted, int given, bool is_grey, std::vector<int>& sources) {
    const auto colour = [&](int index) { return is_grey ? 0 : index < given ? index : kZero; };
    const int alpha = is_grey ? (given == 2 ? 1 : kOne) : (given == 4 ? 3 : kOne);
    if (wanted == "rgb") {
        sources = {colour(0), colour(1), colour(2)};
    } else if (wanted == "bgr") {
        sources = {colour(2), colour(1), colour(0)};
    } else if (wanted == "rgba") {
        sources = {colour(0), colour(1), colour(2), alpha};
    } else if (wanted == "gray" || wanted == "grey" || wanted == "l") {
        // One channel is that channel.
        sources = {is_grey || given == 1 ? 0 : kLuminance};
    } else {
        return Status(Code::InvalidOption, "channels: expected rgb, bgr, rgba or gray, got " + wanted);
    }
    return {};
}

float element_at(const uint8_t* data, PixelElement element, size_t index) {
    if (element == PixelElement::Byte) {
        return static_cast<float>(data[index]) / 255.0F;
    }
    if (element == PixelElement::Half) {
        executorch::runtime::etensor::Half half;
        std::memcpy(&half, data + index * sizeof half, sizeof half);
        return static_cast<float>(half);
    }
    float value = 0;
    std::memcpy(&value, data + index * sizeof value, sizeof value);
    return value;
}

/// A wanted channel of the pixel whose elements begin at `first`.
float channel_value(const Pixels& pixels, size_t first, int source) {
    const auto at = [&](size_t channel) {
        return channel < static_cast<size_t>(pixels.channels) ? element_at(pixels.data, pixels.element, first + channel)
                                                              : 0.0F;
    };
    switch (source) {
        case kLuminance:  // ITU-R 601, as PIL's "L"
            return 0.299F * at(0) + 0.587F * at(1) + 0.114F * at(2);
        case kOne:
            return 1.0F;
        case kZero:
            return 0.0F;
        default:
            return at(static_cast<size_t>(source));
    }
}

/// One value per channel, from a list of one value, of one per channel, or of none.
Status per_channel(const std::vector<float>& given, size_t channels, float fallback, const char* name,
                   std::vector<float>& values) {
    if (given.size() > 1 && given.size() != channels) {
        return Status(Code::InvalidOption, std::string(name) + ": expected 1 or " + std::to_string(channels) +
                                               " values, got " + std::to_string(given.size()));
    }
    values.assign(channels, given.empty() ? fallback : given[0]);
    if (given.size() == channels) {
        values = given;
    }
    return {};
}

}  // namespace

Status ImageReader::prepare(const Pixels& pixels, const ImageLayout& layout) {
    pixels_ = pixels;
    width_ = layout.width > 0 ? layout.width : pixels.width;
    height_ = layout.height > 0 ? layout.height : pixels.height;
    layout_ = layout;
    if (layout.frame_width < 1) {
        layout_.frame_width = width_;
        layout_.frame_height = height_;
        layout_.left = layout_.top = 0;
    }
    if (pixels.width < 1 || pixels.height < 1 || pixels.data == nullptr) {
        return Status(Code::InvalidOption, "the image is empty");
    }
    if (width_ > kMaximumSide || height_ > kMaximumSide) {
        return Status(Code::InvalidOption, "a side has at most 16384 pixels, got " + std::to_string(width_) + " x " +
                                               std::to_string(height_));
    }
    const int right = layout_.frame_width - width_;
    const int below = layout_.frame_height - height_;
    if (layout_.left < 0 || layout_.left > right || layout_.top < 0 || layout_.top > below ||
        layout_.frame_width > kMaximumSide || layout_.frame_height > kMaximumSide) {
        return Status(Code::InvalidOption, "the image must lie inside of a frame of at most 16384 pixels");
    }
    Status status = channel_sources(layout.channels, pixels.channels, pixels.is_grey, sources_);
    const size_t channels = sources_.size();
    status = status.ok() ? per_channel(layout.mean, channels, 0.0F, "mean", mean_) : std::move(status);
    status = status.ok() ? per_channel(layout.deviation, channels, 1.0F, "deviation", deviation_) : std::move(status);
    if (!status.ok()) {
        return status;
    }
    if (std::any_of(deviation_.begin(), deviation_.end(), [](float value) { return !(std::abs(value) > 0.0F); })) {
        return Status(Code::InvalidOption, "deviation: expected values other than 0");
    }
    columns_ = triangle_filter(pixels.width, width_);
    rows_ = triangle_filter(pixels.height, height_);
    return {};
}

size_t ImageReader::value_count() const {
    return static_cast<size_t>(layout_.frame_width) * static_cast<size_t>(layout_.frame_height) * sources_.size();
}

size_t ImageReader::place_of(size_t x, size_t y, size_t channel) const {
    const auto width = static_cast<size_t>(layout_.frame_width);
    const size_t position = y * width + x;
    return layout_.channels_first ? channel * width * static_cast<size_t>(layout_.frame_height) + position
                                  : position * sources_.size() + channel;
}

void ImageReader::pad(float* result) const {
    if (layout_.frame_width == width_ && layout_.frame_height == height_) {
        return;
    }
    for (size_t c = 0; c < sources_.size(); ++c) {
        const float value = (layout_.padding - mean_[c]) / deviation_[c];
        for (size_t y = 0; y < static_cast<size_t>(layout_.frame_height); ++y) {
            for (size_t x = 0; x < static_cast<size_t>(layout_.frame_width); ++x) {
                result[place_of(x, y, c)] = value;
            }
        }
    }
}

void ImageReader::read_line(int y, float* line) const {
    const auto stored = static_cast<size_t>(pixels_.stored);
    size_t first = static_cast<size_t>(y) * static_cast<size_t>(pixels_.width) * stored;
    for (int x = 0; x < pixels_.width; ++x, first += stored) {
        for (const int source : sources_) {
            *line++ = channel_value(pixels_, first, source);
        }
    }
}

void ImageReader::narrow(const float* line, float* narrowed) const {
    const size_t channels = sources_.size();
    for (const FilterTaps& taps : columns_) {
        for (size_t c = 0; c < channels; ++c) {
            float sum = 0;
            const float* value = line + static_cast<size_t>(taps.first) * channels + c;
            for (const float weight : taps.weights) {
                // A weight of 0 must not turn an infinite neighbour into NaN.
                sum += weight > 0.0F ? weight * *value : 0.0F;
                value += channels;
            }
            *narrowed++ = sum;
        }
    }
}

void ImageReader::read(float* result) const {
    const size_t channels = sources_.size();
    const auto width = static_cast<size_t>(width_);
    const size_t line = width * channels;
    const auto left = static_cast<size_t>(layout_.left);
    const auto top = static_cast<size_t>(layout_.top);
    const size_t pixel_step = place_of(1, 0, 0);
    const size_t channel_step = place_of(0, 0, 1);
    pad(result);
    // Rows of the input in the wanted width, as many as one row of the result takes.
    size_t kept = 1;
    for (const FilterTaps& taps : rows_) {
        kept = std::max(kept, taps.weights.size());
    }
    std::vector<float> narrowed(kept * line);
    std::vector<float> source_line(static_cast<size_t>(pixels_.width) * channels);
    std::vector<float> sums(line);
    int next = 0;
    for (size_t y = 0; y < static_cast<size_t>(height_); ++y) {
        const FilterTaps& taps = rows_[y];
        const int last = taps.first + static_cast<int>(taps.weights.size());
        for (next = std::max(next, taps.first); next < last; ++next) {
            read_line(next, source_line.data());
            narrow(source_line.data(), narrowed.data() + static_cast<size_t>(next) % kept * line);
        }
        std::fill(sums.begin(), sums.end(), 0.0F);
        for (size_t tap = 0; tap < taps.weights.size(); ++tap) {
            const float weight = taps.weights[tap];
            const float* row = narrowed.data() + (static_cast<size_t>(taps.first) + tap) % kept * line;
            for (size_t i = 0; i < line && weight > 0.0F; ++i) {
                sums[i] += weight * row[i];
            }
        }
        float* const row = result + place_of(left, top + y, 0);
        for (size_t x = 0; x < width; ++x) {
            for (size_t c = 0; c < channels; ++c) {
                row[x * pixel_step + c * channel_step] = (sums[x * channels + c] - mean_[c]) / deviation_[c];
            }
        }
    }
}

Status floats_to_pixels(const std::vector<float>& values, const ImageLayout& layout, std::vector<uint8_t>& result) {
    std::vector<int> targets;
    std::vector<float> mean;
    std::vector<float> deviation;
    Status status = channel_sources(layout.channels, kOpaque, false, targets);
    const size_t channels = targets.size();
    status = status.ok() ? per_channel(layout.mean, channels, 0.0F, "mean", mean) : std::move(status);
    status = status.ok() ? per_channel(layout.deviation, channels, 1.0F, "deviation", deviation) : std::move(status);
    if (!status.ok()) {
        return status;
    }
    const size_t plane = static_cast<size_t>(layout.width) * static_cast<size_t>(layout.height);
    if (values.size() != plane * channels) {
        return Status(Code::WrongShape, "expected " + std::to_string(plane * channels) + " values for " +
                                            std::to_string(layout.width) + " x " + std::to_string(layout.height) + " " +
                                            layout.channels + ", got " + std::to_string(values.size()));
    }
    result.resize(values.size());
    for (size_t position = 0; position < plane; ++position) {
        for (size_t c = 0; c < channels; ++c) {
            const float value = values[layout.channels_first ? c * plane + position : position * channels + c];
            const float share = value * deviation[c] + mean[c];
            // Grey is its own source; NaN fails both comparisons and becomes black.
            const size_t target = targets[c] < 0 ? 0 : static_cast<size_t>(targets[c]);
            result[position * channels + target] =
                share >= 1.0F ? 255 : static_cast<uint8_t>(share > 0.0F ? std::lround(share * 255.0F) : 0);
        }
    }
    return {};
}

}  // namespace godot_executorch
