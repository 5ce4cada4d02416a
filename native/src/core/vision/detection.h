#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/status.h"
#include "core/vision/suppression.h"

namespace godot_executorch::vision {

/// How the outputs of an object detector hold its boxes.
enum class HeadLayout {
    Separate,  // boxes [count, 4], scores [count, classes] or [count], classes [count], landmarks [count, ...]
    YoloV8,    // [4 + classes + landmarks, count], as Ultralytics exports YOLOv8 and YOLO11
    YoloV5,    // [count, 5 + classes + landmarks], with the score of there being an object before those of the classes
    YoloV10,   // [count, 6 + landmarks]: a box, its score and its class
};
enum class BoxFormat { Corners, CornerAndSize, CenterAndSize };
enum class Activation { None, Sigmoid, Softmax };
/// Which of the scores stands for "no object".
enum class Background { None, First, Last };

struct HeadShape {
    HeadLayout layout = HeadLayout::YoloV8;
    size_t classes = 0;  // without the background
    Background background = Background::None;
    size_t landmarks = 0;  // of a box; 0 and landmarks beside: as many as there are
    size_t landmark_numbers = 2;
};

/// Numbers of an output of the model.
struct Values {
    const float* data = nullptr;
    size_t count = 0;
};

/// The outputs; of a YOLO head `boxes` alone. `classes` and `landmarks` may be empty.
struct HeadOutputs {
    Values boxes;
    Values scores;
    Values classes;
    Values landmarks;
};

struct DetectionRules {
    BoxFormat format = BoxFormat::CenterAndSize;
    Activation activation = Activation::None;
    float score_threshold = 0.25F;
    SuppressionRules suppression;
};

struct Point {
    float x = 0;
    float y = 0;
};

struct Detection {
    Box box;
    float score = 0;
    int32_t label = 0;
    std::vector<Point> landmarks;
};

/// Reads the boxes whose score is above the threshold, and suppresses those that overlap better ones. Best first, in
/// the model's own coordinates. Fails with WRONG_SHAPE when the sizes of the outputs do not fit each other.
Status detect(const HeadOutputs& outputs, const HeadShape& shape, const DetectionRules& rules,
              std::vector<Detection>& found);

}  // namespace godot_executorch::vision
