#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace godot_executorch::vision {

struct Box {
    float left = 0;
    float top = 0;
    float right = 0;
    float bottom = 0;
};

/// Boxes with what is known of them: as many scores and labels as boxes.
struct ScoredBoxes {
    std::vector<Box> boxes;
    std::vector<float> scores;
    std::vector<int32_t> labels;
};

struct SuppressionRules {
    float iou_threshold = 0.45F;
    size_t most = 300;
    bool per_label = true;  // boxes with different labels do not suppress each other
};

/// Of more boxes, the best are considered.
constexpr size_t kMostCandidates = 30'000;

/// A box with an area and finite coordinates below 1e7.
bool is_usable(const Box& box);

/// Greedy non-maximum suppression, as torchvision.ops.nms: takes the box with the highest score, and drops those whose
/// intersection over union with it is above the threshold. Equal scores keep their order. Returns indices, best first.
/// Boxes that are not usable and scores that are not finite are left out.
std::vector<size_t> suppress(const ScoredBoxes& given, const SuppressionRules& rules);

}  // namespace godot_executorch::vision
