#include "core/vision/detection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace godot_executorch::vision {
namespace {

constexpr size_t kBoxNumbers = 4;
constexpr size_t kMostColumns = size_t{1} << 20;
constexpr float kLargestLabel = 1e6F;

/// Columns of a matrix that has a row for each box.
struct Columns {
    const float* first = nullptr;
    size_t row_step = 0;
    size_t column_step = 0;

    bool exist() const { return first != nullptr; }
    float at(size_t row, size_t column) const { return first[row * row_step + column * column_step]; }
    Columns from(size_t column) const { return {first + column * column_step, row_step, column_step}; }
};

/// Where a head has what.
struct Head {
    size_t count = 0;
    size_t score_columns = 0;
    size_t landmarks = 0;
    Columns boxes;
    Columns objectness;
    Columns scores;
    Columns labels;
    Columns points;
};

Status wrong_size(const std::string& what, size_t got) {
    return Status(Code::WrongShape, what + ", got " + std::to_string(got),
                  "Correct the layout and the number of labels in the task card.");
}

Status read_yolo(const Values& values, const HeadShape& shape, Head& head) {
    const bool has_objectness = shape.layout == HeadLayout::YoloV5;
    const bool has_label = shape.layout == HeadLayout::YoloV10;
    head.score_columns = has_label ? 1 : shape.classes;
    const size_t before = kBoxNumbers + (has_objectness ? 1 : 0);
    const size_t behind = before + head.score_columns + (has_label ? 1 : 0);
    const size_t columns = behind + shape.landmarks * shape.landmark_numbers;
    if (values.count % columns != 0) {
        return wrong_size("expected a multiple of " + std::to_string(columns) + " values in the head", values.count);
    }
    head.count = values.count / columns;
    head.boxes =
        shape.layout == HeadLayout::YoloV8 ? Columns{values.data, 1, head.count} : Columns{values.data, columns, 1};
    head.scores = head.boxes.from(before);
    if (has_objectness) {
        head.objectness = head.boxes.from(kBoxNumbers);
    }
    if (has_label) {
        head.labels = head.boxes.from(behind - 1);
    }
    if (shape.landmarks > 0) {
        head.points = head.boxes.from(behind);
    }
    head.landmarks = shape.landmarks;
    return {};
}

Status read_separate(const HeadOutputs& outputs, const HeadShape& shape, Head& head) {
    if (outputs.boxes.count % kBoxNumbers != 0) {
        return wrong_size("expected four values for each box", outputs.boxes.count);
    }
    head.count = outputs.boxes.count / kBoxNumbers;
    head.boxes = {outputs.boxes.data, kBoxNumbers, 1};
    const bool has_labels = outputs.classes.count > 0;
    head.score_columns = has_labels ? 1 : shape.classes + (shape.background != Background::None ? 1 : 0);
    if (outputs.scores.count != head.count * head.score_columns) {
        return wrong_size("expected " + std::to_string(head.score_columns) + " scores for each of " +
                              std::to_string(head.count) + " boxes",
                          outputs.scores.count);
    }
    head.scores = {outputs.scores.data, head.score_columns, 1};
    if (has_labels) {
        if (outputs.classes.count != head.count) {
            return wrong_size("expected a class for each of " + std::to_string(head.count) + " boxes",
                              outputs.classes.count);
        }
        head.labels = {outputs.classes.data, 1, 1};
    }
    if (outputs.landmarks.count > 0 && head.count > 0) {
        const size_t numbers = outputs.landmarks.count / head.count;
        head.landmarks = shape.landmarks > 0 ? shape.landmarks : numbers / shape.landmark_numbers;
        if (outputs.landmarks.count != head.count * head.landmarks * shape.landmark_numbers) {
            return wrong_size("expected landmarks for each of " + std::to_string(head.count) + " boxes",
                              outputs.landmarks.count);
        }
        head.points = {outputs.landmarks.data, numbers, 1};
    }
    return {};
}

/// The columns of the scores that are classes.
struct ClassRange {
    size_t first = 0;
    size_t end = 0;
};

ClassRange classes_of(const Head& head, const HeadShape& shape) {
    const bool has_background = !head.labels.exist() && shape.layout == HeadLayout::Separate;
    const size_t first = has_background && shape.background == Background::First ? 1 : 0;
    const size_t last = has_background && shape.background == Background::Last ? 1 : 0;
    return {first, head.score_columns - last};
}

/// The largest score of each box and its column, before the activation. NaN is never the largest.
void best_columns(const Head& head, ClassRange range, std::vector<float>& best, std::vector<size_t>& column) {
    best.assign(head.count, -std::numeric_limits<float>::infinity());
    column.assign(head.count, range.first);
    const auto look = [&](size_t row, size_t c) {
        const float value = head.scores.at(row, c);
        if (value > best[row]) {
            best[row] = value;
            column[row] = c;
        }
    };
    if (head.scores.row_step == 1) {  // a column is in one piece
        for (size_t c = range.first; c < range.end; ++c) {
            for (size_t row = 0; row < head.count; ++row) {
                look(row, c);
            }
        }
        return;
    }
    for (size_t row = 0; row < head.count; ++row) {
        for (size_t c = range.first; c < range.end; ++c) {
            look(row, c);
        }
    }
}

float sigmoid(float value) {
    return 1.0F / (1.0F + std::exp(-value));
}

float activated(const Head& head, size_t row, float best, Activation activation) {
    if (activation == Activation::None) {
        return best;
    }
    if (activation == Activation::Sigmoid) {
        return sigmoid(best);
    }
    float sum = 0;
    for (size_t c = 0; c < head.score_columns; ++c) {
        sum += std::exp(head.scores.at(row, c) - best);
    }
    return 1.0F / sum;
}

Box box_at(const Columns& boxes, size_t row, BoxFormat format) {
    const float a = boxes.at(row, 0);
    const float b = boxes.at(row, 1);
    const float c = boxes.at(row, 2);
    const float d = boxes.at(row, 3);
    switch (format) {
        case BoxFormat::Corners:
            return {a, b, c, d};
        case BoxFormat::CornerAndSize:
            return {a, b, a + c, b + d};
        default:
            return {a - c / 2, b - d / 2, a + c / 2, b + d / 2};
    }
}

std::vector<Point> points_at(const Head& head, size_t row, size_t numbers) {
    std::vector<Point> points;
    for (size_t i = 0; head.points.exist() && i < head.landmarks; ++i) {
        points.push_back({head.points.at(row, i * numbers), head.points.at(row, i * numbers + 1)});
    }
    return points;
}

}  // namespace

Status detect(const HeadOutputs& outputs, const HeadShape& shape, const DetectionRules& rules,
              std::vector<Detection>& found) {
    const bool has_numbers = shape.landmark_numbers == 2 || shape.landmark_numbers == 3;
    if (shape.classes < 1 || shape.classes > kMostColumns || shape.landmarks > kMostColumns || !has_numbers) {
        return Status(Code::InvalidOption, "expected 1 or more classes, and landmarks of 2 or 3 numbers");
    }
    found.clear();
    if (outputs.boxes.count == 0) {
        return {};
    }
    Head head;
    Status status = shape.layout == HeadLayout::Separate ? read_separate(outputs, shape, head)
                                                         : read_yolo(outputs.boxes, shape, head);
    if (!status.ok()) {
        return status;
    }
    const ClassRange range = classes_of(head, shape);
    std::vector<float> best;
    std::vector<size_t> column;
    best_columns(head, range, best, column);
    ScoredBoxes candidates;
    std::vector<size_t> rows;
    for (size_t row = 0; row < head.count; ++row) {
        float score = activated(head, row, best[row], rules.activation);
        if (head.objectness.exist()) {
            const float objectness = head.objectness.at(row, 0);
            score *= rules.activation == Activation::None ? objectness : sigmoid(objectness);
        }
        const float label =
            head.labels.exist() ? head.labels.at(row, 0) : static_cast<float>(column[row] - range.first);
        if (score > rules.score_threshold && label >= 0 && label < kLargestLabel) {
            candidates.boxes.push_back(box_at(head.boxes, row, rules.format));
            candidates.scores.push_back(score);
            candidates.labels.push_back(static_cast<int32_t>(label));
            rows.push_back(row);
        }
    }
    for (const size_t kept : suppress(candidates, rules.suppression)) {
        found.push_back({candidates.boxes[kept], candidates.scores[kept], candidates.labels[kept],
                         points_at(head, rows[kept], shape.landmark_numbers)});
    }
    return {};
}

}  // namespace godot_executorch::vision
