#pragma once

#include "godot/binding/binding.h"

namespace godot_executorch::godot {

/// What the nodes of addons/executorch/tasks/image do with the outputs of their models. It has no state.
class ExecuTorchNativeVision {
  public:
    static constexpr const char* kName = "ExecuTorchNativeVision";
    static void bind();

    explicit ExecuTorchNativeVision(GDExtensionObjectPtr) {}

    /// `boxes`: left, top, right, bottom of each. Indices of those that non-maximum suppression keeps, best first;
    /// empty on an error, which is printed. Without labels every box has the same.
    static PackedInt32Array suppress(const PackedFloat32Array& boxes, const PackedFloat32Array& scores,
                                     const PackedInt32Array& labels, double iou_threshold, int64_t most);
    /// The objects in the outputs of a detector; options: {layout, format, activation, background, classes, landmarks,
    /// landmark_numbers, score_threshold, iou_threshold, most, per_label}. Returns {boxes (left, top, right, bottom),
    /// scores, labels, landmarks (x, y; equally many for each box)} or {error}.
    static Dictionary detect(const PackedFloat32Array& boxes, const PackedFloat32Array& scores,
                             const PackedFloat32Array& classes, const PackedFloat32Array& landmarks,
                             const Dictionary& options);
    /// The classes in the output of a segmentation network, a packed array of any numbers; options: {channels, width,
    /// height, channels_first, kind, threshold, left, top, region_width, region_height}; palette: 1024 bytes of RGBA.
    /// Returns {classes (a byte each), colours (RGBA), pixels (number for each class)} or {error}.
    static Dictionary segment(const Variant& values, const PackedByteArray& palette, const Dictionary& options);
    /// The lines of text in the output of a text detector; options: {width, height, threshold, score_threshold, growth,
    /// thicken, most}. Returns {corners (x, y of four corners for each line, clockwise from the top left), scores} in
    /// places of the map, in reading order, or {error}.
    static Dictionary find_text(const PackedFloat32Array& map, const Dictionary& options);
    /// What a text recognizer's output [steps, classes] spells; options: {classes, blank, activation}. Returns {labels,
    /// scores} or {error}.
    static Dictionary read_characters(const PackedFloat32Array& values, const Dictionary& options);
    /// A rectangle in any direction out of 8-bit pixels; corners: x and y of the top left, the top right and the bottom
    /// left one; options: {from_width, from_height, channels, width, height}. Returns {pixels} or {error}.
    static Dictionary crop(const PackedByteArray& pixels, const PackedFloat32Array& corners, const Dictionary& options);
};

}  // namespace godot_executorch::godot
