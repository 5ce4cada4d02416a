#include "core/vision/text_regions.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "core/vision/rectangle.h"

namespace godot_executorch::vision {
namespace {

constexpr size_t kMostSide = 16384;
constexpr float kSmallestSide = 3;  // of the middle of a line; smaller ones are noise
constexpr float kSmallestLine = kSmallestSide + 2;

/// A connected part of the map: the first and the last place of each of its rows.
struct Part {
    struct Row {
        size_t first = std::numeric_limits<size_t>::max();
        size_t last = 0;
    };
    size_t top = 0;
    size_t places = 0;
    std::vector<Row> rows;

    void add(size_t x, size_t y) {
        rows.resize(std::max(rows.size(), y - top + 1));
        Row& row = rows[y - top];
        row.first = std::min(row.first, x);
        row.last = std::max(row.last, x);
        ++places;
    }
};

std::vector<uint8_t> marked_places(const TextMap& map, const TextRules& rules) {
    std::vector<uint8_t> marked(map.values.count, 0);
    for (size_t y = 0; y < map.height; ++y) {
        for (size_t x = 0; x < map.width; ++x) {
            const size_t place = y * map.width + x;
            if (!(map.values.data[place] > rules.threshold)) {
                continue;
            }
            marked[place] = 1;
            const bool has_right = rules.thicken && x + 1 < map.width;
            const bool has_below = rules.thicken && y + 1 < map.height;
            marked[place + (has_right ? 1 : 0)] = 1;
            marked[place + (has_below ? map.width : 0)] = 1;
            marked[place + (has_right && has_below ? map.width + 1 : 0)] = 1;
        }
    }
    return marked;
}

/// Takes the part that a place belongs to out of the marked places. Corners connect.
Part take_part(std::vector<uint8_t>& marked, const TextMap& map, size_t start, std::vector<size_t>& open) {
    Part part;
    part.top = start / map.width;  // the places are searched row by row
    open.assign(1, start);
    marked[start] = 0;
    while (!open.empty()) {
        const size_t place = open.back();
        open.pop_back();
        const size_t x = place % map.width;
        const size_t y = place / map.width;
        part.add(x, y);
        for (size_t ny = y - (y > 0 ? 1 : 0); ny <= std::min(y + 1, map.height - 1); ++ny) {
            for (size_t nx = x - (x > 0 ? 1 : 0); nx <= std::min(x + 1, map.width - 1); ++nx) {
                const size_t next = ny * map.width + nx;
                if (marked[next] != 0) {
                    marked[next] = 0;
                    open.push_back(next);
                }
            }
        }
    }
    return part;
}

/// The largest parts.
std::vector<Part> parts_of(const TextMap& map, const TextRules& rules) {
    std::vector<uint8_t> marked = marked_places(map, rules);
    std::vector<size_t> open;
    std::vector<Part> parts;
    for (size_t place = 0; place < marked.size(); ++place) {
        if (marked[place] != 0) {
            Part part = take_part(marked, map, place, open);
            if (static_cast<float>(part.places) > kSmallestSide * kSmallestSide) {
                parts.push_back(std::move(part));
            }
        }
    }
    std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.places > b.places; });
    parts.resize(std::min(parts.size(), rules.most));
    return parts;
}

Rectangle rectangle_of(const Part& part) {
    std::vector<Point> points;
    for (size_t row = 0; row < part.rows.size(); ++row) {
        const float y = static_cast<float>(part.top + row);
        points.push_back({static_cast<float>(part.rows[row].first), y});
        points.push_back({static_cast<float>(part.rows[row].last), y});
    }
    return smallest_rectangle(std::move(points));
}

/// The mean of the map inside of a rectangle.
float mean_inside(const TextMap& map, const Rectangle& rectangle) {
    float left = std::numeric_limits<float>::infinity();
    float top = left;
    float right = -left;
    float bottom = -left;
    for (const Point& corner : rectangle.corners()) {
        left = std::min(left, corner.x);
        right = std::max(right, corner.x);
        top = std::min(top, corner.y);
        bottom = std::max(bottom, corner.y);
    }
    const auto index = [](float value, size_t end) {
        return static_cast<size_t>(std::clamp(value, 0.0F, static_cast<float>(end - 1)));
    };
    constexpr float kTolerance = 0.01F;
    const float half_width = rectangle.width / 2 + kTolerance;
    const float half_height = rectangle.height / 2 + kTolerance;
    double sum = 0;
    size_t count = 0;
    for (size_t y = index(std::floor(top), map.height); y <= index(std::ceil(bottom), map.height); ++y) {
        for (size_t x = index(std::floor(left), map.width); x <= index(std::ceil(right), map.width); ++x) {
            const float dx = static_cast<float>(x) - rectangle.middle.x;
            const float dy = static_cast<float>(y) - rectangle.middle.y;
            const bool is_inside = std::abs(dx * rectangle.along.x + dy * rectangle.along.y) <= half_width &&
                                   std::abs(dy * rectangle.along.x - dx * rectangle.along.y) <= half_height;
            if (is_inside) {
                sum += map.values.data[y * map.width + x];
                ++count;
            }
        }
    }
    return count > 0 ? static_cast<float>(sum / static_cast<double>(count)) : 0;
}

float middle_of(const TextRegion& region) {
    return (region.corners[0].y + region.corners[2].y) / 2;
}

/// Rows are lines whose middles lie within half of the height of the first.
void put_in_order(std::vector<TextRegion>& found) {
    std::stable_sort(found.begin(), found.end(),
                     [](const TextRegion& a, const TextRegion& b) { return middle_of(a) < middle_of(b); });
    for (auto row = found.begin(); row != found.end();) {
        const float height = std::abs(row->corners[3].y - row->corners[0].y);
        const float limit = middle_of(*row) + height / 2;
        const auto end =
            std::find_if(row, found.end(), [limit](const TextRegion& region) { return !(middle_of(region) <= limit); });
        const auto next = end == row ? row + 1 : end;
        std::stable_sort(row, next,
                         [](const TextRegion& a, const TextRegion& b) { return a.corners[0].x < b.corners[0].x; });
        row = next;
    }
}

}  // namespace

Status find_text(const TextMap& map, const TextRules& rules, std::vector<TextRegion>& found) {
    const bool has_size = map.width > 0 && map.width <= kMostSide && map.height > 0 && map.height <= kMostSide;
    if (!has_size || map.values.count != map.width * map.height) {
        return Status(Code::WrongShape, "expected a map of " + std::to_string(map.width) + " x " +
                                            std::to_string(map.height) + " values, at most 16384 x 16384, got " +
                                            std::to_string(map.values.count));
    }
    found.clear();
    for (const Part& part : parts_of(map, rules)) {
        const Rectangle middle = rectangle_of(part);
        if (std::min(middle.width, middle.height) < kSmallestSide) {
            continue;
        }
        const float score = mean_inside(map, middle);
        if (!(score >= rules.score_threshold) || !std::isfinite(score)) {
            continue;
        }
        const float outline = 2 * (middle.width + middle.height);
        const Rectangle line = middle.grown(middle.width * middle.height * rules.growth / outline);
        if (std::min(line.width, line.height) >= kSmallestLine) {
            found.push_back({line.corners(), score});
        }
    }
    put_in_order(found);
    return {};
}

}  // namespace godot_executorch::vision
