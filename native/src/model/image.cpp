#include "model/image.h"

#include <algorithm>
#include <cmath>

namespace godot_executorch {
namespace {

constexpr int kMaximumSide = 16384;
constexpr int kOpaque = 4;  // channels of a pixel with alpha

/// What one output position takes from the input line.
struct Taps {
    int first = 0;
    std::vector<float> weights;
};

std::vector<Taps> triangle_filter(int from, int to) {
    const double scale = static_cast<double>(from) / to;
    const double support = std::max(scale, 1.0);
    std::vector<Taps> filter(static_cast<size_t>(to));
    for (int i = 0; i < to; ++i) {
        const double center = (i + 0.5) * scale;
        const int first = std::max(0, static_cast<int>(center - support + 0.5));
        const int last = std::min(from, static_cast<int>(center + support + 0.5));
        Taps& taps = filter[static_cast<size_t>(i)];
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

/// Which channel of the pixel each wanted channel is; -1 = luminance of RGB, -2 = opaque.
Status channel_sources(const std::string& wanted, int given, std::vector<int>& sources) {
    const bool grey = given <= 2;
    if (wanted == "rgb") {
        sources = grey ? std::vector<int>{0, 0, 0} : std::vector<int>{0, 1, 2};
    } else if (wanted == "bgr") {
        sources = grey ? std::vector<int>{0, 0, 0} : std::vector<int>{2, 1, 0};
    } else if (wanted == "rgba") {
        const int alpha = given == 4 ? 3 : given == 2 ? 1 : -2;
        sources = grey ? std::vector<int>{0, 0, 0, alpha} : std::vector<int>{0, 1, 2, alpha};
    } else if (wanted == "gray" || wanted == "grey" || wanted == "l") {
        sources = {grey ? 0 : -1};
    } else {
        return Status(Code::InvalidOption, "channels: expected rgb, bgr, rgba or gray, got " + wanted);
    }
    return {};
}

float channel_value(const uint8_t* pixel, int source) {
    if (source == -1) {  // ITU-R 601, as PIL's "L"
        return 0.299F * static_cast<float>(pixel[0]) + 0.587F * static_cast<float>(pixel[1]) +
               0.114F * static_cast<float>(pixel[2]);
    }
    return source == -2 ? 255.0F : static_cast<float>(pixel[source]);
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

Status image_to_floats(const Pixels& pixels, const ImageLayout& layout, std::vector<float>& result) {
    const int width = layout.width > 0 ? layout.width : pixels.width;
    const int height = layout.height > 0 ? layout.height : pixels.height;
    if (pixels.width < 1 || pixels.height < 1 || pixels.data == nullptr) {
        return Status(Code::InvalidOption, "the image is empty");
    }
    if (width > kMaximumSide || height > kMaximumSide) {
        return Status(Code::InvalidOption,
                      "a side has at most 16384 pixels, got " + std::to_string(width) + " x " + std::to_string(height));
    }
    std::vector<int> sources;
    std::vector<float> mean;
    std::vector<float> deviation;
    Status status = channel_sources(layout.channels, pixels.channels, sources);
    const size_t channels = sources.size();
    status = status.ok() ? per_channel(layout.mean, channels, 0.0F, "mean", mean) : std::move(status);
    status = status.ok() ? per_channel(layout.deviation, channels, 1.0F, "deviation", deviation) : std::move(status);
    if (!status.ok()) {
        return status;
    }
    if (std::any_of(deviation.begin(), deviation.end(), [](float value) { return !(std::abs(value) > 0.0F); })) {
        return Status(Code::InvalidOption, "deviation: expected values other than 0");
    }

    // Rows first: rows of the input become rows of the wanted width.
    const std::vector<Taps> columns = triangle_filter(pixels.width, width);
    const std::vector<Taps> rows = triangle_filter(pixels.height, height);
    const auto line = static_cast<size_t>(width) * channels;
    std::vector<float> narrowed(line * static_cast<size_t>(pixels.height));
    std::vector<float> source_line(static_cast<size_t>(pixels.width) * channels);
    for (int y = 0; y < pixels.height; ++y) {
        const uint8_t* pixel = pixels.data + static_cast<size_t>(y) * static_cast<size_t>(pixels.width) *
                                                 static_cast<size_t>(pixels.channels);
        for (size_t x = 0; x < static_cast<size_t>(pixels.width); ++x, pixel += pixels.channels) {
            for (size_t c = 0; c < channels; ++c) {
                source_line[x * channels + c] = channel_value(pixel, sources[c]);
            }
        }
        float* target = narrowed.data() + static_cast<size_t>(y) * line;
        for (const Taps& taps : columns) {
            for (size_t c = 0; c < channels; ++c) {
                float sum = 0;
                const float* value = source_line.data() + static_cast<size_t>(taps.first) * channels + c;
                for (const float weight : taps.weights) {
                    sum += weight * *value;
                    value += channels;
                }
                *target++ = sum;
            }
        }
    }
    const auto plane = static_cast<size_t>(width) * static_cast<size_t>(height);
    result.resize(plane * channels);
    std::vector<float> sums(line);
    for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
        std::fill(sums.begin(), sums.end(), 0.0F);
        const float* row = narrowed.data() + static_cast<size_t>(rows[y].first) * line;
        for (const float weight : rows[y].weights) {
            for (size_t i = 0; i < line; ++i) {
                sums[i] += weight * row[i];
            }
            row += line;
        }
        for (size_t x = 0; x < static_cast<size_t>(width); ++x) {
            for (size_t c = 0; c < channels; ++c) {
                const float value = (sums[x * channels + c] / 255.0F - mean[c]) / deviation[c];
                const size_t position = y * static_cast<size_t>(width) + x;
                result[layout.channels_first ? c * plane + position : position * channels + c] = value;
            }
        }
    }
    return {};
}

Status floats_to_pixels(const std::vector<float>& values, const ImageLayout& layout, std::vector<uint8_t>& result) {
    std::vector<int> targets;
    std::vector<float> mean;
    std::vector<float> deviation;
    Status status = channel_sources(layout.channels, kOpaque, targets);
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
