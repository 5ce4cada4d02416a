// Boxes of detectors and classes of pixels, against plain loops, and with what only a broken model gives.

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/vision/detection.h"
#include "core/vision/segmentation.h"

using namespace godot_executorch;          // NOLINT: a test
using namespace godot_executorch::vision;  // NOLINT: a test

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinite = std::numeric_limits<float>::infinity();

ScoredBoxes random_boxes(size_t count, float field, int32_t labels, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> place(0, field);
    std::uniform_real_distribution<float> side(8, 80);
    std::uniform_int_distribution<int32_t> label(0, labels - 1);
    std::uniform_int_distribution<int> score(1, 1000);
    ScoredBoxes given;
    for (size_t i = 0; i < count; ++i) {
        const float left = place(random);
        const float top = place(random);
        given.boxes.push_back({left, top, left + side(random), top + side(random)});
        given.scores.push_back(static_cast<float>(score(random)) / 1000.0F);  // some are equal
        given.labels.push_back(label(random));
    }
    return given;
}

/// torchvision's definition, one box after the other.
std::vector<size_t> plainly_suppressed(const ScoredBoxes& given, const SuppressionRules& rules) {
    std::vector<bool> is_dropped(given.boxes.size());
    std::vector<size_t> kept;
    while (kept.size() < rules.most) {
        size_t best = given.boxes.size();
        for (size_t i = 0; i < given.boxes.size(); ++i) {
            if (!is_dropped[i] && (best == given.boxes.size() || given.scores[i] > given.scores[best])) {
                best = i;
            }
        }
        if (best == given.boxes.size()) {
            break;
        }
        kept.push_back(best);
        const Box& a = given.boxes[best];
        for (size_t i = 0; i < given.boxes.size(); ++i) {
            const Box& b = given.boxes[i];
            const float width = std::max(0.0F, std::min(a.right, b.right) - std::max(a.left, b.left));
            const float height = std::max(0.0F, std::min(a.bottom, b.bottom) - std::max(a.top, b.top));
            const float shared = width * height;
            const float all = (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top);
            const bool is_same = !rules.per_label || given.labels[i] == given.labels[best];
            is_dropped[i] = is_dropped[i] || i == best || (is_same && shared / (all - shared) > rules.iou_threshold);
        }
    }
    return kept;
}

std::vector<Detection> detected(const HeadOutputs& outputs, const HeadShape& shape, const DetectionRules& rules) {
    std::vector<Detection> found;
    const Status status = detect(outputs, shape, rules, found);
    REQUIRE(status.ok());
    return found;
}

Values of(const std::vector<float>& values) {
    return {values.data(), values.size()};
}

int code_of(const HeadOutputs& outputs, const HeadShape& shape) {
    std::vector<Detection> found;
    return detect(outputs, shape, {}, found).code();
}

}  // namespace

TEST_CASE("suppression is what a plain loop gives") {
    for (unsigned seed = 0; seed < 40; ++seed) {
        const ScoredBoxes given = random_boxes(300, 200, 3, seed);
        const SuppressionRules rules{0.1F * static_cast<float>(seed % 10), seed % 3 == 0 ? size_t{20} : size_t{1000},
                                     seed % 2 == 0};
        CHECK(suppress(given, rules) == plainly_suppressed(given, rules));
    }
}

TEST_CASE("suppression leaves out what is not a box") {
    const std::vector<Box> wrong = {{kNan, 0, 1, 1}, {0, kInfinite, 1, 1},  {0, 0, kInfinite, 1},
                                    {0, 0, 1, kNan}, {-kInfinite, 0, 1, 1}, {1, 0, 0, 1},
                                    {0, 0, 0, 0},    {0, 0, 1e30F, 1}};
    ScoredBoxes given;
    for (const Box& box : wrong) {
        given.boxes.push_back(box);
        given.scores.push_back(0.9F);
        given.labels.push_back(0);
    }
    for (const float score : {kNan, kInfinite, -kInfinite, 0.5F}) {
        given.boxes.push_back({0, 0, 1, 1});
        given.scores.push_back(score);
        given.labels.push_back(0);
    }
    CHECK(suppress(given, {}) == std::vector<size_t>{wrong.size() + 3});
    CHECK(suppress({}, {}).empty());
    CHECK(suppress(given, {0.5F, 0, true}).empty());
    CHECK(suppress(given, {kNan, 5, true}).size() == 1);
}

TEST_CASE("suppression takes the best of too many boxes") {
    ScoredBoxes given = random_boxes(kMostCandidates + 5000, 1000, 1, 1);
    given.scores.back() = 2;
    const std::vector<size_t> kept = suppress(given, {0.5F, 10, true});
    CHECK(kept.size() == 10);
    CHECK(kept[0] == given.boxes.size() - 1);
}

TEST_CASE("suppression of 10,000 boxes: the time it takes") {
    for (const float field : {200.0F, 2000.0F}) {
        for (const size_t most : {size_t{300}, size_t{10'000}}) {
            const ScoredBoxes given = random_boxes(10'000, field, 80, 5);
            std::chrono::steady_clock::duration best = std::chrono::hours(1);
            size_t kept = 0;
            for (int run = 0; run < 20; ++run) {
                const auto begin = std::chrono::steady_clock::now();
                kept = suppress(given, {0.45F, most, run % 2 == 0}).size();
                best = std::min(best, std::chrono::steady_clock::now() - begin);
            }
            const double milliseconds = std::chrono::duration<double, std::milli>(best).count();
            MESSAGE("in a field of " << field << ", at most " << most << ": " << kept << " kept in " << milliseconds
                                     << " ms");
            CHECK(kept > 0);
        }
    }
}

TEST_CASE("the heads of YOLO, one box in each form") {
    // Two boxes around (50, 40) with sides 20 and 10; the second has the score NaN for one class.
    const std::vector<float> v8 = {50, 10, 40, 10, 20, 4, 10, 4, 0.1F, kNan, 0.8F, 0.2F};
    HeadShape shape;
    shape.classes = 2;
    std::vector<Detection> found = detected({of(v8), {}, {}, {}}, shape, {});
    REQUIRE(found.size() == 1);
    CHECK(found[0].box.left == 40);
    CHECK(found[0].box.bottom == 45);
    CHECK(found[0].score == 0.8F);
    CHECK(found[0].label == 1);

    shape.layout = HeadLayout::YoloV5;
    const std::vector<float> v5 = {50, 40, 20, 10, 0.5F, 0.1F, 0.8F, 10, 10, 4, 4, 0.2F, 0.9F, 0.9F};
    found = detected({of(v5), {}, {}, {}}, shape, {});
    REQUIRE(found.size() == 1);
    CHECK(found[0].box.right == 60);
    CHECK(found[0].score == doctest::Approx(0.4));

    shape.layout = HeadLayout::YoloV10;
    const std::vector<float> v10 = {40, 35, 60, 45, 0.9F, 1, 1, 1, 2, 2, 0.9F, kNan, 3, 3, 4, 4, 0.9F, -1};
    DetectionRules rules;
    rules.format = BoxFormat::Corners;
    found = detected({of(v10), {}, {}, {}}, shape, rules);
    REQUIRE(found.size() == 1);
    CHECK(found[0].label == 1);
}

TEST_CASE("a head with landmarks of three numbers") {
    const std::vector<float> pose = {50, 40, 20, 10, 0.9F, 45, 38, 1, 55, 42, 1};
    HeadShape shape;
    shape.classes = 1;
    shape.landmarks = 2;
    shape.landmark_numbers = 3;
    const std::vector<Detection> found = detected({of(pose), {}, {}, {}}, shape, {});
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].landmarks.size() == 2);
    CHECK(found[0].landmarks[1].x == 55);
    CHECK(found[0].landmarks[1].y == 42);
}

TEST_CASE("separate outputs") {
    const std::vector<float> boxes = {0, 0, 10, 10, 20, 0, 5, 10, 40, 0, 5, 5};
    const std::vector<float> scores = {5, 1, 0, 0, 0, 4, 0, kInfinite, 0};
    const std::vector<float> landmarks = {1, 2, 21, 2, 41, 2};
    HeadShape shape;
    shape.layout = HeadLayout::Separate;
    shape.classes = 2;
    shape.background = Background::First;
    DetectionRules rules;
    rules.format = BoxFormat::CornerAndSize;
    rules.activation = Activation::Softmax;
    std::vector<Detection> found = detected({of(boxes), of(scores), {}, of(landmarks)}, shape, rules);
    REQUIRE(found.size() == 1);  // the first is background, the third has no softmax
    CHECK(found[0].box.right == 25);
    CHECK(found[0].label == 1);
    CHECK(found[0].score == doctest::Approx(std::exp(4) / (std::exp(4) + 2)));
    CHECK(found[0].landmarks[0].x == 21);

    const std::vector<float> single = {0, 3, -3};
    const std::vector<float> classes = {7, 1, 2};
    rules.activation = Activation::Sigmoid;
    found = detected({of(boxes), of(single), of(classes), {}}, shape, rules);
    REQUIRE(found.size() == 2);
    CHECK(found[0].label == 1);
    CHECK(found[1].label == 7);
    CHECK(found[1].score == 0.5F);
}

TEST_CASE("outputs whose sizes do not fit") {
    const std::vector<float> some(13);
    const int wrong_shape = static_cast<int>(Code::WrongShape);
    HeadShape shape;
    shape.classes = 2;
    CHECK(code_of({of(some), {}, {}, {}}, shape) == wrong_shape);
    shape.layout = HeadLayout::Separate;
    CHECK(code_of({of(some), of(some), {}, {}}, shape) == wrong_shape);
    const std::vector<float> boxes(12);
    CHECK(code_of({of(boxes), of(some), {}, {}}, shape) == wrong_shape);
    CHECK(code_of({of(boxes), {}, {}, {}}, shape) == wrong_shape);
    const std::vector<float> scores(6);
    CHECK(code_of({of(boxes), of(scores), {}, of(some)}, shape) == wrong_shape);
    CHECK(code_of({of(boxes), of(scores), of(some), {}}, shape) == wrong_shape);
    CHECK(code_of({of(boxes), of(scores), {}, {}}, shape) == 0);
    CHECK(code_of({}, shape) == 0);
    shape.classes = 0;
    CHECK(code_of({of(boxes), {}, {}, {}}, shape) == static_cast<int>(Code::InvalidOption));
    shape.classes = std::numeric_limits<size_t>::max();
    CHECK(code_of({of(boxes), {}, {}, {}}, shape) == static_cast<int>(Code::InvalidOption));
}

TEST_CASE("the classes of pixels") {
    // Two channels of 3 x 2.
    const std::vector<float> first = {1, 0, 0, 5, kNan, -1, 0, 1, 0, 9, 2, kNan};
    const std::vector<float> last = {1, 0, 0, 1, 0, 0, 5, 9, kNan, 2, -1, kNan};
    std::vector<uint8_t> classes;
    std::array<int64_t, kMostClasses> pixels{};
    ScoreMap map{first.data(), first.size(), 2, 3, 2, true, MapKind::Scores, 0};
    REQUIRE(class_map(map, {0, 0, 3, 2}, classes, pixels).ok());
    CHECK(classes == std::vector<uint8_t>{0, 1, 0, 1, 1, 0});
    CHECK(pixels[1] == 3);
    map.values = last.data();
    map.channels_first = false;
    REQUIRE(class_map(map, {1, 0, 2, 2}, classes, pixels).ok());
    CHECK(classes == std::vector<uint8_t>{1, 0, 1, 0});

    map = {first.data(), 6, 1, 3, 2, true, MapKind::Threshold, 0.5F};
    REQUIRE(class_map(map, {0, 1, 3, 1}, classes, pixels).ok());
    CHECK(classes == std::vector<uint8_t>{1, 0, 0});
    const std::vector<float> numbers = {3, 255, 256, -1, kNan, 1e30F};
    map = {numbers.data(), 6, 1, 3, 2, true, MapKind::Classes, 0};
    REQUIRE(class_map(map, {0, 0, 3, 2}, classes, pixels).ok());
    CHECK(classes == std::vector<uint8_t>{3, 255, 0, 0, 0, 0});
    std::vector<uint8_t> palette(4 * kMostClasses);
    palette[4 * 3 + 1] = 7;
    std::vector<uint8_t> colours(24, 1);
    paint(classes, palette.data(), colours.data());
    CHECK(colours[1] == 7);
    CHECK(colours[5] == 0);
}

TEST_CASE("maps whose sizes do not fit") {
    const std::vector<float> values(12);
    std::vector<uint8_t> classes;
    std::array<int64_t, kMostClasses> pixels{};
    const auto code = [&](size_t channels, size_t width, size_t height, const Region& region) {
        return class_map({values.data(), 12, channels, width, height}, region, classes, pixels).code();
    };
    constexpr size_t kHuge = std::numeric_limits<size_t>::max();
    CHECK(code(2, 3, 2, {0, 0, 3, 2}) == 0);
    for (const std::array<size_t, 3>& wrong : std::vector<std::array<size_t, 3>>{
             {3, 3, 2}, {0, 3, 2}, {2, 0, 2}, {kHuge, 3, 2}, {2, kHuge, 2}, {2, kHuge / 2 + 7, 2}}) {
        CHECK(code(wrong[0], wrong[1], wrong[2], {0, 0, 1, 1}) == static_cast<int>(Code::WrongShape));
    }
    for (const Region& wrong : {Region{3, 0, 1, 1}, Region{0, 2, 1, 1}, Region{1, 0, 3, 1}, Region{0, 1, 1, kHuge}}) {
        CHECK(code(2, 3, 2, wrong) == static_cast<int>(Code::InvalidOption));
    }
}
