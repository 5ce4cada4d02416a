#include <algorithm>

#include "godot/executorch_module.h"
#include "model/image.h"
#include "model/tensor_arithmetic.h"

namespace godot_executorch::godot {
namespace {

// Image.Format and the hashes of Image's methods, as extension_api.json gives them.
constexpr int64_t kFormatL8 = 0;
constexpr int64_t kFormatLA8 = 1;
constexpr int64_t kFormatRGB8 = 4;
constexpr int64_t kFormatRGBA8 = 5;
constexpr GDExtensionInt kIntegerGetterHash = 3905245786;
constexpr GDExtensionInt kGetFormatHash = 3847873762;
constexpr GDExtensionInt kCopyFromHash = 532598488;
constexpr GDExtensionInt kIsCompressedHash = 36873697;
constexpr GDExtensionInt kDecompressHash = 166280745;
constexpr GDExtensionInt kConvertHash = 2120693146;

GDExtensionMethodBindPtr image_method(const char* name, GDExtensionInt hash) {
    const StringName class_name("Image");
    const StringName method_name(name);
    return api.get_method_bind(class_name.ptr(), method_name.ptr(), hash);
}

int64_t image_number(GDExtensionObjectPtr image, const char* name, GDExtensionInt hash) {
    int64_t number = 0;
    api.object_call(image_method(name, hash), image, nullptr, &number);
    return number;
}

int channels_of(int64_t format) {
    switch (format) {
        case kFormatL8:
            return 1;
        case kFormatLA8:
            return 2;
        case kFormatRGB8:
            return 3;
        case kFormatRGBA8:
            return 4;
        default:
            return 0;
    }
}

/// The image itself when its pixels are bytes, else a copy that is RGBA8.
ObjectRef with_byte_pixels(const ObjectRef& image) {
    if (channels_of(image_number(image.object(), "get_format", kGetFormatHash)) > 0) {
        return image;
    }
    const StringName class_name("Image");
    const ObjectRef copy(api.construct_object(class_name.ptr()));
    const GDExtensionObjectPtr original = image.object();
    const GDExtensionConstTypePtr from[] = {&original};
    api.object_call(image_method("copy_from", kCopyFromHash), copy.object(), from, nullptr);
    GDExtensionBool compressed = 0;
    api.object_call(image_method("is_compressed", kIsCompressedHash), copy.object(), nullptr, &compressed);
    if (compressed != 0) {
        int64_t error = 0;
        api.object_call(image_method("decompress", kDecompressHash), copy.object(), nullptr, &error);
    }
    const GDExtensionConstTypePtr format[] = {&kFormatRGBA8};
    api.object_call(image_method("convert", kConvertHash), copy.object(), format, nullptr);
    return copy;
}

std::vector<float> to_vector(const PackedFloat32Array& values) {
    return values.size() > 0 ? std::vector<float>(values.data(), values.data() + values.size()) : std::vector<float>();
}

Status read_layout(int64_t width, int64_t height, const String& channels, const PackedFloat32Array& mean,
                   const PackedFloat32Array& deviation, const String& layout, ImageLayout& wanted) {
    wanted.width = static_cast<int>(std::clamp<int64_t>(width, 0, 1 << 20));
    wanted.height = static_cast<int>(std::clamp<int64_t>(height, 0, 1 << 20));
    wanted.channels = channels.utf8();
    std::transform(wanted.channels.begin(), wanted.channels.end(), wanted.channels.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    wanted.mean = to_vector(mean);
    wanted.deviation = to_vector(deviation);
    const std::string order = layout.utf8();
    wanted.channels_first = order == "NCHW" || order == "nchw";
    if (!wanted.channels_first && order != "NHWC" && order != "nhwc") {
        return Status(Code::InvalidOption, "layout: expected NCHW or NHWC, got " + order);
    }
    return {};
}

PackedInt64Array to_packed(const std::vector<int64_t>& values) {
    PackedInt64Array result(static_cast<int64_t>(values.size()));
    std::copy(values.begin(), values.end(), result.data());
    return result;
}

/// 0 stands for all values in one row.
size_t row_of(const PackedFloat32Array& values, int64_t row) {
    return static_cast<size_t>(row > 0 ? row : values.size());
}

void report(const char* function, const std::string& cause) {
    api.print_error(cause.c_str(), function, __FILE__, __LINE__, 0);
}

}  // namespace

PackedFloat32Array ExecuTorchModule::image_to_tensor(const ObjectRef& image, int64_t width, int64_t height,
                                                     const String& channels, const PackedFloat32Array& mean,
                                                     const PackedFloat32Array& deviation, const String& layout) {
    const StringName class_name("Image");
    if (image.object() == nullptr ||
        api.object_cast_to(image.object(), api.get_class_tag(class_name.ptr())) == nullptr) {
        report("image_to_tensor", "image_to_tensor expects an Image");
        return {};
    }
    const ObjectRef bytes = with_byte_pixels(image);
    Pixels pixels;
    pixels.width = static_cast<int>(image_number(bytes.object(), "get_width", kIntegerGetterHash));
    pixels.height = static_cast<int>(image_number(bytes.object(), "get_height", kIntegerGetterHash));
    pixels.channels = channels_of(image_number(bytes.object(), "get_format", kGetFormatHash));
    pixels.data = pixels.channels > 0 ? api.image_data(bytes.object()) : nullptr;
    ImageLayout wanted;
    std::vector<float> values;
    Status status = read_layout(width, height, channels, mean, deviation, layout, wanted);
    status = status.ok() ? image_to_floats(pixels, wanted, values) : std::move(status);
    if (!status.ok()) {
        report("image_to_tensor", status.failure().cause);
        return {};
    }
    PackedFloat32Array result(static_cast<int64_t>(values.size()));
    std::copy(values.begin(), values.end(), result.data());
    return result;
}

PackedByteArray ExecuTorchModule::tensor_to_pixels(const PackedFloat32Array& values, int64_t width, int64_t height,
                                                   const String& channels, const PackedFloat32Array& mean,
                                                   const PackedFloat32Array& deviation, const String& layout) {
    ImageLayout given;
    std::vector<uint8_t> pixels;
    Status status = read_layout(width, height, channels, mean, deviation, layout, given);
    status = status.ok() ? floats_to_pixels(to_vector(values), given, pixels) : std::move(status);
    if (!status.ok()) {
        report("tensor_to_pixels", status.failure().cause);
        return {};
    }
    PackedByteArray result(static_cast<int64_t>(pixels.size()));
    std::copy(pixels.begin(), pixels.end(), result.data());
    return result;
}

PackedInt64Array ExecuTorchModule::argmax(const PackedFloat32Array& values, int64_t row) {
    return to_packed(godot_executorch::argmax(values.data(), static_cast<size_t>(values.size()), row_of(values, row)));
}

PackedFloat32Array ExecuTorchModule::softmax(const PackedFloat32Array& values, int64_t row) {
    PackedFloat32Array result = values;
    godot_executorch::softmax(result.data(), static_cast<size_t>(result.size()), row_of(values, row));
    return result;
}

PackedInt64Array ExecuTorchModule::topk(const PackedFloat32Array& values, int64_t count) {
    const auto wanted = static_cast<size_t>(std::max<int64_t>(count, 0));
    return to_packed(godot_executorch::topk(values.data(), static_cast<size_t>(values.size()), wanted));
}

PackedFloat32Array ExecuTorchModule::to_channels_last(const PackedFloat32Array& values, int64_t channels) {
    const int64_t size = values.size();
    if (channels < 1 || size % channels != 0) {
        report("to_channels_last",
               std::to_string(size) + " values are no multiple of " + std::to_string(channels) + " channels");
        return {};
    }
    PackedFloat32Array result(size);
    channels_last(values.data(), result.data(), static_cast<size_t>(channels), static_cast<size_t>(size / channels));
    return result;
}

PackedFloat32Array ExecuTorchModule::to_channels_first(const PackedFloat32Array& values, int64_t channels) {
    const int64_t size = values.size();
    if (channels < 1 || size % channels != 0) {
        report("to_channels_first",
               std::to_string(size) + " values are no multiple of " + std::to_string(channels) + " channels");
        return {};
    }
    PackedFloat32Array result(size);
    channels_first(values.data(), result.data(), static_cast<size_t>(channels), static_cast<size_t>(size / channels));
    return result;
}

}  // namespace godot_executorch::godot
