#include "core/vision/suppression.h"

#include <algorithm>
#include <cmath>

namespace godot_executorch::vision {
namespace {

constexpr float kLargestCoordinate = 1e7F;
// Boxes are compared in blocks of this size, which the compiler turns into vector code.
constexpr size_t kBlock = 16;

float area_of(const Box& box) {
    return (box.right - box.left) * (box.bottom - box.top);
}

std::vector<size_t> best_first(const ScoredBoxes& given) {
    std::vector<size_t> order;
    for (size_t i = 0; i < given.boxes.size(); ++i) {
        if (std::isfinite(given.scores[i]) && is_usable(given.boxes[i])) {
            order.push_back(i);
        }
    }
    const auto is_better = [&](size_t a, size_t b) {
        return given.scores[a] > given.scores[b] || (given.scores[a] == given.scores[b] && a < b);
    };
    if (order.size() > kMostCandidates) {
        std::nth_element(order.begin(), order.begin() + kMostCandidates, order.end(), is_better);
        order.resize(kMostCandidates);
    }
    std::sort(order.begin(), order.end(), is_better);
    return order;
}

/// The boxes that were kept, a column for each field.
class KeptBoxes {
  public:
    void add(const Box& box, int32_t label) {
        left_.push_back(box.left);
        top_.push_back(box.top);
        right_.push_back(box.right);
        bottom_.push_back(box.bottom);
        area_.push_back(area_of(box));
        label_.push_back(label);
    }

    bool overlaps(const Box& box, int32_t label, float threshold) const {
        const float area = area_of(box);
        const size_t count = left_.size();
        for (size_t begin = 0; begin < count; begin += kBlock) {
            const size_t end = std::min(begin + kBlock, count);
            int found = 0;
            for (size_t i = begin; i < end; ++i) {
                const float width = std::min(right_[i], box.right) - std::max(left_[i], box.left);
                const float height = std::min(bottom_[i], box.bottom) - std::max(top_[i], box.top);
                const float shared = std::max(width, 0.0F) * std::max(height, 0.0F);
                const bool is_covered = shared / (area_[i] + area - shared) > threshold;
                found |= static_cast<int>(is_covered) & static_cast<int>(label_[i] == label);
            }
            if (found != 0) {
                return true;
            }
        }
        return false;
    }

  private:
    std::vector<float> left_;
    std::vector<float> top_;
    std::vector<float> right_;
    std::vector<float> bottom_;
    std::vector<float> area_;
    std::vector<int32_t> label_;
};

}  // namespace

bool is_usable(const Box& box) {
    // NaN fails every comparison.
    return box.left > -kLargestCoordinate && box.top > -kLargestCoordinate && box.right < kLargestCoordinate &&
           box.bottom < kLargestCoordinate && box.right > box.left && box.bottom > box.top;
}

std::vector<size_t> suppress(const ScoredBoxes& given, const SuppressionRules& rules) {
    std::vector<size_t> kept;
    KeptBoxes boxes;
    for (const size_t candidate : best_first(given)) {
        if (kept.size() >= rules.most) {
            break;
        }
        const int32_t label = rules.per_label ? given.labels[candidate] : 0;
        if (!boxes.overlaps(given.boxes[candidate], label, rules.iou_threshold)) {
            boxes.add(given.boxes[candidate], label);
            kept.push_back(candidate);
        }
    }
    return kept;
}

}  // namespace godot_executorch::vision
