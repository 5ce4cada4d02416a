#pragma once

#include <array>
#include <vector>

#include "core/vision/detection.h"

namespace godot_executorch::vision {

/// A rectangle in any direction: a middle, a unit vector along its width, and its sides.
struct Rectangle {
    Point middle;
    Point along{1, 0};
    float width = 0;
    float height = 0;

    Rectangle grown(float distance) const;
    /// From the top left corner, clockwise.
    std::array<Point, 4> corners() const;
};

/// The smallest rectangle around points (rotating calipers on their convex hull). Without points it is empty.
Rectangle smallest_rectangle(std::vector<Point> points);

}  // namespace godot_executorch::vision
