#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/status.h"

namespace godot_executorch::vision {

/// Classes are bytes.
constexpr size_t kMostClasses = 256;

enum class MapKind {
    Scores,     // a channel for each class; the largest is the pixel's
    Threshold,  // one channel; above the threshold is class 1, else 0
    Classes,    // the classes themselves
};

/// The output of a segmentation network for one picture.
struct ScoreMap {
    const float* values = nullptr;
    size_t count = 0;
    size_t channels = 1;
    size_t width = 0;
    size_t height = 0;
    bool channels_first = true;  // [channels, height, width], else [height, width, channels]
    MapKind kind = MapKind::Scores;
    float threshold = 0;
};

/// Pixels of the map.
struct Region {
    size_t left = 0;
    size_t top = 0;
    size_t width = 0;
    size_t height = 0;
};

/// The class of each pixel of the region, in rows, and how many pixels each class has. NaN is never the largest score;
/// classes that cannot be are 0. Fails with WRONG_SHAPE when the sizes do not fit.
Status class_map(const ScoreMap& map, const Region& region, std::vector<uint8_t>& classes,
                 std::array<int64_t, kMostClasses>& pixels);

/// The colour of each pixel's class: four bytes from `palette`, which has four for each of 256 classes.
void paint(const std::vector<uint8_t>& classes, const uint8_t* palette, uint8_t* result);

}  // namespace godot_executorch::vision
