#include "core/vision/rectangle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace godot_executorch::vision {
namespace {

float cross(const Point& origin, const Point& a, const Point& b) {
    return (a.x - origin.x) * (b.y - origin.y) - (a.y - origin.y) * (b.x - origin.x);
}

/// Andrew's monotone chain.
std::vector<Point> convex_hull(std::vector<Point> points) {
    std::sort(points.begin(), points.end(),
              [](const Point& a, const Point& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
    std::vector<Point> hull;
    const auto extend = [&hull](const Point& point, size_t kept) {
        while (hull.size() >= kept + 2 && cross(hull[hull.size() - 2], hull.back(), point) <= 0) {
            hull.pop_back();
        }
        hull.push_back(point);
    };
    for (const Point& point : points) {
        extend(point, 0);
    }
    const size_t lower = hull.size() - 1;
    for (size_t i = points.size() - 1; i-- > 0;) {
        extend(points[i], lower);
    }
    hull.pop_back();
    return hull;
}

/// The rectangle around points whose width is along a unit vector.
Rectangle around(const std::vector<Point>& points, const Point& along) {
    float least_x = std::numeric_limits<float>::infinity();
    float least_y = least_x;
    float most_x = -least_x;
    float most_y = -least_x;
    for (const Point& point : points) {
        const float x = point.x * along.x + point.y * along.y;
        const float y = point.y * along.x - point.x * along.y;
        least_x = std::min(least_x, x);
        most_x = std::max(most_x, x);
        least_y = std::min(least_y, y);
        most_y = std::max(most_y, y);
    }
    const float x = (least_x + most_x) / 2;
    const float y = (least_y + most_y) / 2;
    return {{x * along.x - y * along.y, x * along.y + y * along.x}, along, most_x - least_x, most_y - least_y};
}

}  // namespace

Rectangle Rectangle::grown(float distance) const {
    return {middle, along, width + 2 * distance, height + 2 * distance};
}

std::array<Point, 4> Rectangle::corners() const {
    const Point right{along.x * width / 2, along.y * width / 2};
    const Point down{-along.y * height / 2, along.x * height / 2};
    std::array<Point, 4> all{{{middle.x - right.x - down.x, middle.y - right.y - down.y},
                              {middle.x + right.x - down.x, middle.y + right.y - down.y},
                              {middle.x + right.x + down.x, middle.y + right.y + down.y},
                              {middle.x - right.x + down.x, middle.y - right.y + down.y}}};
    std::sort(all.begin(), all.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
    if (all[0].y > all[1].y) {
        std::swap(all[0], all[1]);
    }
    if (all[2].y > all[3].y) {
        std::swap(all[2], all[3]);
    }
    return {all[0], all[2], all[3], all[1]};
}

Rectangle smallest_rectangle(std::vector<Point> points) {
    if (points.empty()) {
        return {};
    }
    const std::vector<Point> hull = points.size() > 1 ? convex_hull(std::move(points)) : std::move(points);
    Rectangle best = around(hull, {1, 0});
    for (size_t i = 0; i < hull.size(); ++i) {
        const Point& next = hull[(i + 1) % hull.size()];
        const Point edge{next.x - hull[i].x, next.y - hull[i].y};
        const float length = std::sqrt(edge.x * edge.x + edge.y * edge.y);
        if (length <= 0) {
            continue;
        }
        const Rectangle candidate = around(hull, {edge.x / length, edge.y / length});
        if (candidate.width * candidate.height < best.width * best.height) {
            best = candidate;
        }
    }
    return best;
}

}  // namespace godot_executorch::vision
