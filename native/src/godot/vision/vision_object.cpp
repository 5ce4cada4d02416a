#include "godot/vision/vision_object.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/vision/characters.h"
#include "core/vision/crop.h"
#include "core/vision/detection.h"
#include "core/vision/segmentation.h"
#include "core/vision/suppression.h"
#include "core/vision/text_regions.h"
#include "godot/conversion/conversion.h"
#include "godot/conversion/options.h"

namespace godot_executorch::godot {
namespace {

constexpr int64_t kBoxNumbers = 4;
constexpr int64_t kPaletteBytes = 4 * static_cast<int64_t>(vision::kMostClasses);

Dictionary failed(const Status& status) {
    Dictionary result;
    result["error"] = to_godot(status.failure());
    return result;
}

template <typename PackedArray, typename Number>
PackedArray to_packed(const std::vector<Number>& values) {
    PackedArray result(static_cast<int64_t>(values.size()));
    std::transform(values.begin(), values.end(), result.data(),
                   [](Number value) { return static_cast<typename PackedArray::element_type>(value); });
    return result;
}

vision::Values values_of(const PackedFloat32Array& values) {
    return {values.data(), static_cast<size_t>(values.size())};
}

/// The numbers of a packed array; `copy` holds those that are not floats. False when it is none.
bool read_numbers(const Variant& given, std::vector<float>& copy, vision::Values& values) {
    if (given.type() == PackedFloat32Array::kType) {
        values = values_of(given.as<PackedFloat32Array>());
        return true;
    }
    const auto convert = [&](const auto& array) {
        copy.resize(static_cast<size_t>(array.size()));
        std::transform(array.data(), array.data() + array.size(), copy.begin(),
                       [](auto number) { return static_cast<float>(number); });
        values = {copy.data(), copy.size()};
        return true;
    };
    switch (given.type()) {
        case PackedInt64Array::kType:
            return convert(given.as<PackedInt64Array>());
        case PackedInt32Array::kType:
            return convert(given.as<PackedInt32Array>());
        case PackedByteArray::kType:
            return convert(given.as<PackedByteArray>());
        case PackedFloat64Array::kType:
            return convert(given.as<PackedFloat64Array>());
        default:
            return false;
    }
}

size_t clamped(int64_t count) {
    return static_cast<size_t>(std::clamp<int64_t>(count, 0, vision::kMostCandidates));
}

Dictionary described(const std::vector<vision::Detection>& found) {
    std::vector<float> boxes;
    std::vector<float> scores;
    std::vector<int32_t> labels;
    std::vector<float> landmarks;
    for (const vision::Detection& each : found) {
        boxes.insert(boxes.end(), {each.box.left, each.box.top, each.box.right, each.box.bottom});
        scores.push_back(each.score);
        labels.push_back(each.label);
        for (const vision::Point point : each.landmarks) {
            landmarks.insert(landmarks.end(), {point.x, point.y});
        }
    }
    Dictionary result;
    result["boxes"] = to_packed<PackedFloat32Array>(boxes);
    result["scores"] = to_packed<PackedFloat32Array>(scores);
    result["labels"] = to_packed<PackedInt32Array>(labels);
    result["landmarks"] = to_packed<PackedFloat32Array>(landmarks);
    return result;
}

}  // namespace

PackedInt32Array ExecuTorchNativeVision::suppress(const PackedFloat32Array& boxes, const PackedFloat32Array& scores,
                                                  const PackedInt32Array& labels, double iou_threshold, int64_t most) {
    const int64_t count = scores.size();
    if (boxes.size() != count * kBoxNumbers || (labels.size() > 0 && labels.size() != count)) {
        const std::string cause = std::to_string(count) + " scores need " + std::to_string(count * kBoxNumbers) +
                                  " numbers of boxes, and as many labels or none";
        api.print_error(cause.c_str(), "suppress", __FILE__, __LINE__, 0);
        return {};
    }
    vision::ScoredBoxes given;
    for (int64_t i = 0; i < count; ++i) {
        const float* box = boxes.data() + i * kBoxNumbers;
        given.boxes.push_back({box[0], box[1], box[2], box[3]});
        given.scores.push_back(scores.data()[i]);
        given.labels.push_back(labels.size() > 0 ? labels.data()[i] : 0);
    }
    const vision::SuppressionRules rules{static_cast<float>(iou_threshold), clamped(most), true};
    return to_packed<PackedInt32Array>(vision::suppress(given, rules));
}

Dictionary ExecuTorchNativeVision::detect(const PackedFloat32Array& boxes, const PackedFloat32Array& scores,
                                          const PackedFloat32Array& classes, const PackedFloat32Array& landmarks,
                                          const Dictionary& given) {
    Options options((Variant(given)));
    vision::HeadShape shape;
    shape.layout =
        static_cast<vision::HeadLayout>(options.choice("layout", {"separate", "yolo_v8", "yolo_v5", "yolo_v10"}, 1));
    shape.classes = options.size("classes", shape.classes);
    shape.background = static_cast<vision::Background>(options.choice("background", {"none", "first", "last"}, 0));
    shape.landmarks = options.size("landmarks", shape.landmarks);
    shape.landmark_numbers = options.size("landmark_numbers", shape.landmark_numbers);
    vision::DetectionRules rules;
    rules.format = static_cast<vision::BoxFormat>(options.choice("format", {"xyxy", "xywh", "cxcywh"}, 2));
    rules.activation = static_cast<vision::Activation>(options.choice("activation", {"none", "sigmoid", "softmax"}, 0));
    rules.score_threshold = static_cast<float>(options.number("score_threshold", rules.score_threshold));
    vision::SuppressionRules& suppression = rules.suppression;
    suppression.iou_threshold = static_cast<float>(options.number("iou_threshold", suppression.iou_threshold));
    suppression.most = clamped(options.integer("most", static_cast<int64_t>(suppression.most)));
    suppression.per_label = options.boolean("per_label", suppression.per_label);
    const vision::HeadOutputs outputs{values_of(boxes), values_of(scores), values_of(classes), values_of(landmarks)};
    std::vector<vision::Detection> found;
    Status status = options.take_status();
    status = status.ok() ? vision::detect(outputs, shape, rules, found) : std::move(status);
    return status.ok() ? described(found) : failed(status);
}

Dictionary ExecuTorchNativeVision::segment(const Variant& values, const PackedByteArray& palette,
                                           const Dictionary& given) {
    if (palette.size() != kPaletteBytes) {
        return failed(Status(Code::InvalidOption, "expected a palette of 1024 bytes"));
    }
    vision::Values numbers;
    std::vector<float> copy;
    if (!read_numbers(values, copy, numbers)) {
        return failed(Status(Code::InvalidOption, "expected a packed array of numbers"));
    }
    Options options((Variant(given)));
    vision::ScoreMap map;
    map.values = numbers.data;
    map.count = numbers.count;
    map.channels = options.size("channels", map.channels);
    map.width = options.size("width", map.width);
    map.height = options.size("height", map.height);
    map.channels_first = options.boolean("channels_first", map.channels_first);
    map.kind = static_cast<vision::MapKind>(options.choice("kind", {"scores", "threshold", "classes"}, 0));
    map.threshold = static_cast<float>(options.number("threshold", 0.0));
    const vision::Region region{options.size("left", 0), options.size("top", 0),
                                options.size("region_width", map.width), options.size("region_height", map.height)};
    std::vector<uint8_t> classes;
    std::array<int64_t, vision::kMostClasses> pixels{};
    Status status = options.take_status();
    status = status.ok() ? vision::class_map(map, region, classes, pixels) : std::move(status);
    if (!status.ok()) {
        return failed(status);
    }
    PackedByteArray colours(static_cast<int64_t>(classes.size()) * 4);
    vision::paint(classes, palette.data(), colours.data());
    Dictionary result;
    result["classes"] = to_packed<PackedByteArray>(classes);
    result["colours"] = colours;
    result["pixels"] = to_packed<PackedInt64Array>(std::vector<int64_t>(pixels.begin(), pixels.end()));
    return result;
}

Dictionary ExecuTorchNativeVision::find_text(const PackedFloat32Array& map, const Dictionary& given) {
    Options options((Variant(given)));
    const vision::TextMap shown{values_of(map), options.size("width", 0), options.size("height", 0)};
    vision::TextRules rules;
    rules.threshold = static_cast<float>(options.number("threshold", rules.threshold));
    rules.score_threshold = static_cast<float>(options.number("score_threshold", rules.score_threshold));
    rules.growth = static_cast<float>(options.number("growth", rules.growth));
    rules.thicken = options.boolean("thicken", rules.thicken);
    rules.most = clamped(options.integer("most", static_cast<int64_t>(rules.most)));
    std::vector<vision::TextRegion> found;
    Status status = options.take_status();
    status = status.ok() ? vision::find_text(shown, rules, found) : std::move(status);
    if (!status.ok()) {
        return failed(status);
    }
    std::vector<float> corners;
    std::vector<float> scores;
    for (const vision::TextRegion& region : found) {
        for (const vision::Point corner : region.corners) {
            corners.insert(corners.end(), {corner.x, corner.y});
        }
        scores.push_back(region.score);
    }
    Dictionary result;
    result["corners"] = to_packed<PackedFloat32Array>(corners);
    result["scores"] = to_packed<PackedFloat32Array>(scores);
    return result;
}

Dictionary ExecuTorchNativeVision::read_characters(const PackedFloat32Array& values, const Dictionary& given) {
    Options options((Variant(given)));
    const size_t classes = options.size("classes", 0);
    const size_t blank = options.size("blank", 0);
    const auto activation =
        static_cast<vision::Activation>(options.choice("activation", {"none", "sigmoid", "softmax"}, 0));
    std::vector<vision::Character> found;
    Status status = options.take_status();
    status =
        status.ok() ? vision::read_characters(values_of(values), classes, blank, activation, found) : std::move(status);
    if (!status.ok()) {
        return failed(status);
    }
    std::vector<int32_t> labels;
    std::vector<float> scores;
    for (const vision::Character& character : found) {
        labels.push_back(character.label);
        scores.push_back(character.score);
    }
    Dictionary result;
    result["labels"] = to_packed<PackedInt32Array>(labels);
    result["scores"] = to_packed<PackedFloat32Array>(scores);
    return result;
}

Dictionary ExecuTorchNativeVision::crop(const PackedByteArray& pixels, const PackedFloat32Array& corners,
                                        const Dictionary& given) {
    if (corners.size() != 6) {
        return failed(Status(Code::InvalidOption, "expected x and y of three corners"));
    }
    Options options((Variant(given)));
    const vision::Bytes picture{pixels.data(), static_cast<size_t>(pixels.size()), options.size("from_width", 0),
                                options.size("from_height", 0), options.size("channels", 3)};
    const size_t width = options.size("width", 0);
    const size_t height = options.size("height", 0);
    const float* at = corners.data();
    const std::array<vision::Point, 3> points{{{at[0], at[1]}, {at[2], at[3]}, {at[4], at[5]}}};
    constexpr size_t kMostPixels = size_t{1} << 26;
    Status status = options.take_status();
    if (status.ok() && (width < 1 || height < 1 || width > kMostPixels / height)) {
        status = Status(Code::InvalidOption, "expected 1 to 67,108,864 pixels");
    }
    if (!status.ok()) {
        return failed(status);
    }
    PackedByteArray cut(static_cast<int64_t>(width * height * std::min<size_t>(picture.channels, 4)));
    status = vision::crop(picture, points, width, height, cut.data());
    if (!status.ok()) {
        return failed(status);
    }
    Dictionary result;
    result["pixels"] = cut;
    return result;
}

void ExecuTorchNativeVision::bind() {
    using Self = ExecuTorchNativeVision;
    ClassBinding<Self> bound(kName);
    bound.static_method({"suppress", {"boxes", "scores", "labels", "iou_threshold", "most"}}, &Self::suppress);
    bound.static_method({"detect", {"boxes", "scores", "classes", "landmarks", "options"}}, &Self::detect);
    bound.static_method({"segment", {"values", "palette", "options"}}, &Self::segment);
    bound.static_method({"find_text", {"map", "options"}}, &Self::find_text);
    bound.static_method({"read_characters", {"values", "options"}}, &Self::read_characters);
    bound.static_method({"crop", {"pixels", "corners", "options"}}, &Self::crop);
}

}  // namespace godot_executorch::godot
