#include "godot/vision/vision_object.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/vision/detection.h"
#include "core/vision/segmentation.h"
#include "core/vision/suppression.h"
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

void ExecuTorchNativeVision::bind() {
    using Self = ExecuTorchNativeVision;
    ClassBinding<Self> bound(kName);
    bound.static_method({"suppress", {"boxes", "scores", "labels", "iou_threshold", "most"}}, &Self::suppress);
    bound.static_method({"detect", {"boxes", "scores", "classes", "landmarks", "options"}}, &Self::detect);
    bound.static_method({"segment", {"values", "palette", "options"}}, &Self::segment);
}

}  // namespace godot_executorch::godot
