#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "core/status.h"
#include "core/vision/detection.h"

namespace godot_executorch::vision {

/// The output of a text detection network: how sure it is that a place belongs to a line of text.
struct TextMap {
    Values values;
    size_t width = 0;
    size_t height = 0;
};

struct TextRules {
    float threshold = 0.3F;        // above it a place belongs to a line
    float score_threshold = 0.5F;  // lines whose mean is below are left out
    float growth = 1.6F;           // the network marks the middle of a line: area * growth / outline on each side
    bool thicken = true;           // by one place to the right and downwards, which joins parts of a line
    size_t most = 1000;
};

/// A line of text: corners from the top left one, clockwise, in places of the map.
struct TextRegion {
    std::array<Point, 4> corners;
    float score = 0;
};

/// The lines of text in a map, as Differentiable Binarization finds them (Liao et al., AAAI 2020): the smallest
/// rectangle around each connected part, grown to the whole line. From top to bottom, and from left to right within a
/// row. Fails with WRONG_SHAPE when the sizes do not fit.
Status find_text(const TextMap& map, const TextRules& rules, std::vector<TextRegion>& found);

}  // namespace godot_executorch::vision
