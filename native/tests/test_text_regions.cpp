// Lines of text in the map of a detector, cut out and spelled, and with what only a broken model gives.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "core/vision/characters.h"
#include "core/vision/crop.h"
#include "core/vision/rectangle.h"
#include "core/vision/text_regions.h"

using namespace godot_executorch;          // NOLINT: a test
using namespace godot_executorch::vision;  // NOLINT: a test

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinite = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("the smallest rectangle around points in any direction") {
    std::mt19937 random(5);
    std::uniform_real_distribution<float> inside(-1, 1);
    for (int degrees = 0; degrees < 180; degrees += 7) {
        const float angle = static_cast<float>(degrees) * 3.14159265F / 180;
        const Point along{std::cos(angle), std::sin(angle)};
        const Rectangle wanted{{40, 30}, along, 50, 12};
        std::vector<Point> points;
        for (const Point& corner : wanted.corners()) {
            points.push_back(corner);
        }
        for (int i = 0; i < 200; ++i) {
            const float u = 25 * inside(random);
            const float v = 6 * inside(random);
            points.push_back({40 + u * along.x - v * along.y, 30 + u * along.y + v * along.x});
        }
        const Rectangle found = smallest_rectangle(points);
        CHECK(found.middle.x == doctest::Approx(40).epsilon(1e-3));
        CHECK(found.middle.y == doctest::Approx(30).epsilon(1e-3));
        CHECK(found.width * found.height == doctest::Approx(600).epsilon(1e-3));
        const std::array<Point, 4> corners = found.grown(2).corners();
        CHECK(std::hypot(corners[1].x - corners[0].x, corners[1].y - corners[0].y) *
                  std::hypot(corners[3].x - corners[0].x, corners[3].y - corners[0].y) ==
              doctest::Approx(54 * 16).epsilon(1e-3));
    }
}

TEST_CASE("rectangles around few points") {
    CHECK(smallest_rectangle({}).width == 0);
    const Rectangle one = smallest_rectangle({{3, 4}});
    CHECK((one.middle.x == 3 && one.middle.y == 4 && one.width == 0 && one.height == 0));
    CHECK(smallest_rectangle({{1, 1}, {1, 1}, {1, 1}}).width == 0);
    const Rectangle line = smallest_rectangle({{0, 0}, {1, 1}, {2, 2}, {3, 3}});
    CHECK(line.width * line.height == doctest::Approx(0));
    CHECK(std::max(line.width, line.height) == doctest::Approx(std::sqrt(18.0F)));
}

TEST_CASE("lines of text in a map") {
    constexpr size_t kWidth = 60;
    constexpr size_t kHeight = 40;
    std::vector<float> map(kWidth * kHeight, 0.0F);
    const auto fill = [&map](size_t left, size_t top, size_t right, size_t bottom, float value) {
        for (size_t y = top; y <= bottom; ++y) {
            std::fill(map.begin() + static_cast<std::ptrdiff_t>(y * kWidth + left),
                      map.begin() + static_cast<std::ptrdiff_t>(y * kWidth + right + 1), value);
        }
    };
    fill(30, 6, 50, 10, 0.9F);
    fill(5, 5, 25, 9, 0.8F);
    fill(5, 20, 25, 24, 0.4F);   // found, but not sure
    fill(30, 20, 31, 21, 0.9F);  // too small
    fill(5, 30, 59, 39, 1.0F);   // up to the border
    const TextMap shown{{map.data(), map.size()}, kWidth, kHeight};
    TextRules rules;
    rules.thicken = false;
    std::vector<TextRegion> found;
    REQUIRE(find_text(shown, rules, found).ok());
    REQUIRE(found.size() == 3);
    // 20 x 4 grows by 80 * 1.6 / 48 on each side.
    const float distance = 80 * 1.6F / 48;
    CHECK(found[0].corners[0].x == doctest::Approx(5 - distance));
    CHECK(found[0].corners[0].y == doctest::Approx(5 - distance));
    CHECK(found[0].corners[2].x == doctest::Approx(25 + distance));
    CHECK(found[0].corners[2].y == doctest::Approx(9 + distance));
    CHECK(found[0].score == doctest::Approx(0.8F));
    CHECK(found[1].corners[0].x == doctest::Approx(30 - distance));
    CHECK(found[2].score == doctest::Approx(1.0F));
    rules.score_threshold = 0.3F;
    rules.growth = 0;
    rules.thicken = true;
    REQUIRE(find_text(shown, rules, found).ok());
    REQUIRE(found.size() == 4);
    CHECK(found[2].corners[1].x == doctest::Approx(26));
    rules.most = 1;
    REQUIRE(find_text(shown, rules, found).ok());
    CHECK(found.size() == 1);
}

TEST_CASE("maps of text that cannot be") {
    std::vector<float> map(100, kNan);
    std::vector<TextRegion> found;
    CHECK(find_text({{map.data(), 100}, 10, 10}, {}, found).ok());
    CHECK(found.empty());
    map.assign(100, kInfinite);
    CHECK(find_text({{map.data(), 100}, 10, 10}, {}, found).ok());
    CHECK(found.empty());
    for (const auto& [width, height] : {std::pair<size_t, size_t>{10, 11}, {0, 0}, {100'000, 1}}) {
        CHECK(find_text({{map.data(), 100}, width, height}, {}, found).failure().name == "WRONG_SHAPE");
    }
    std::mt19937 random(1);
    std::uniform_real_distribution<float> noise(-1, 2);
    map.resize(200 * 200);
    for (float& value : map) {
        value = noise(random);
    }
    CHECK(find_text({{map.data(), map.size()}, 200, 200}, {}, found).ok());
}

TEST_CASE("characters without blanks and repetitions") {
    const std::array<size_t, 9> labels{0, 2, 2, 0, 2, 1, 1, 3, 0};
    std::vector<float> scores(labels.size() * 4, 0.1F);
    for (size_t step = 0; step < labels.size(); ++step) {
        scores[step * 4 + labels[step]] = 0.7F;
    }
    std::vector<Character> found;
    REQUIRE(read_characters({scores.data(), scores.size()}, 4, 0, Activation::None, found).ok());
    REQUIRE(found.size() == 4);
    CHECK((found[0].label == 2 && found[1].label == 2 && found[2].label == 1 && found[3].label == 3));
    CHECK(found[0].score == doctest::Approx(0.7F));
    REQUIRE(read_characters({scores.data(), scores.size()}, 4, 3, Activation::Softmax, found).ok());
    CHECK(found.size() == 6);
    const double wanted = std::exp(0.6) / (std::exp(0.6) + 3);
    CHECK(found[0].score == doctest::Approx(wanted));
    scores.assign(8, kNan);
    REQUIRE(read_characters({scores.data(), scores.size()}, 4, 0, Activation::Softmax, found).ok());
    CHECK(found.empty());
    CHECK(!read_characters({scores.data(), 7}, 4, 0, Activation::None, found).ok());
    CHECK(!read_characters({scores.data(), 8}, 4, 4, Activation::None, found).ok());
    CHECK(!read_characters({scores.data(), 8}, 0, 0, Activation::None, found).ok());
}

TEST_CASE("a rectangle cut out of a picture") {
    std::vector<uint8_t> picture(6 * 4);
    for (size_t i = 0; i < picture.size(); ++i) {
        picture[i] = static_cast<uint8_t>(10 * i);
    }
    const Bytes given{picture.data(), picture.size(), 6, 4, 1};
    std::vector<uint8_t> cut(6);
    REQUIRE(crop(given, {{{1, 1}, {4, 1}, {1, 3}}}, 3, 2, cut.data()).ok());
    CHECK(cut == std::vector<uint8_t>{70, 80, 90, 130, 140, 150});
    // Turned to the left: its top is the right side.
    REQUIRE(crop(given, {{{4, 1}, {4, 3}, {1, 1}}}, 2, 3, cut.data()).ok());
    CHECK(cut == std::vector<uint8_t>{90, 150, 80, 140, 70, 130});
    // Half as large: means of two pixels of a row.
    REQUIRE(crop(given, {{{0, 0}, {6, 0}, {0, 1}}}, 3, 1, cut.data()).ok());
    CHECK((cut[0] == 5 && cut[1] == 25 && cut[2] == 45));
    // Outside the border continues.
    REQUIRE(crop(given, {{{-3, -9}, {0, -9}, {-3, -8}}}, 3, 1, cut.data()).ok());
    CHECK((cut[0] == 0 && cut[2] == 0));
    CHECK(!crop(given, {{{kNan, 0}, {1, 0}, {0, 1}}}, 3, 1, cut.data()).ok());
    CHECK(!crop(given, {{{0, 0}, {1, 0}, {0, 1}}}, 0, 1, cut.data()).ok());
    CHECK(!crop({picture.data(), picture.size(), 6, 5, 1}, {{{0, 0}, {1, 0}, {0, 1}}}, 1, 1, cut.data()).ok());
}
