#include <algorithm>
#include <iterator>

#include "core/tensor/arithmetic.h"
#include "core/tensor/image.h"
#include "godot/module/executorch_module.h"

namespace godot_executorch::godot {
namespace {

// Hashes of Image's methods, as extension_api.json gives them.
constexpr GDExtensionInt kIntegerGetterHash = 3905245786;
constexpr GDExtensionInt kGetFormatHash = 3847873762;
constexpr GDExtensionInt kCopyFromHash = 532598488;
constexpr GDExtensionInt kIsCompressedHash = 36873697;
constexpr GDExtensionInt kDecompressHash = 166280745;
constexpr GDExtensionInt kConvertHash = 2120693146;

struct PixelFormat {
    int64_t format;  // Image.Format
    int channels;
    PixelElement element = PixelElement::Byte;
    bool is_grey = false;
};

/// The formats whose pixels are read as they are.
constexpr PixelFormat kFormats[] = {
    {0, 1, PixelElement::Byte, true},  // L8
    {1, 2, PixelElement::Byte, true},  // LA8
    {2, 1},                            // R8, RG8, RGB8, RGBA8
    {3, 2},
    {4, 3},
    {5, 4},
    {8, 1, PixelElement::Float},  // RF, RGF, RGBF, RGBAF
    {9, 2, PixelElement::Float},
    {10, 3, PixelElement::Float},
    {11, 4, PixelElement::Float},
    {12, 1, PixelElement::Half},  // RH, RGH, RGBH, RGBAH
    {13, 2, PixelElement::Half},
    {14, 3, PixelElement::Half},
    {15, 4, PixelElement::Half},
};
constexpr int64_t kRgbaf = 11;
// R16, RG16, RGB16, RGBA16, and the same as integers (Godot 4.6 and newer).
constexpr int64_t kFirst16 = 39;
constexpr int64_t kLast16 = 46;

const PixelFormat* find_format(int64_t format) {
    const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                     [&](const PixelFormat& known) { return known.format == format; });
    return found != std::end(kFormats) ? found : nullptr;
}

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

int64_t format_of(const ObjectRef& image) {
    return image_number(image.object(), "get_format", kGetFormatHash);
}

ObjectRef copy_of(const ObjectRef& image) {
    const StringName class_name("Image");
    ObjectRef copy(api.construct_object(class_name.ptr()));
    const GDExtensionObjectPtr original = image.object();
    const GDExtensionConstTypePtr from[] = {&original};
    api.object_call(image_method("copy_from", kCopyFromHash), copy.object(), from, nullptr);
    return copy;
}

/// The image's pixels, with the object that holds them. A format that is not read as it is becomes RGBAF, which keeps
/// every value.
Pixels pixels_of(const ObjectRef& image, ObjectRef& holder) {
    holder = image;
    GDExtensionBool is_compressed = 0;
    api.object_call(image_method("is_compressed", kIsCompressedHash), image.object(), nullptr, &is_compressed);
    if (is_compressed != 0) {
        holder = copy_of(image);
        int64_t error = 0;
        api.object_call(image_method("decompress", kDecompressHash), holder.object(), nullptr, &error);
    }
    const int64_t format = format_of(holder);
    Pixels pixels;
    if (find_format(format) == nullptr) {
        if (is_compressed == 0) {
            holder = copy_of(image);
        }
        const GDExtensionConstTypePtr wanted[] = {&kRgbaf};
        api.object_call(image_method("convert", kConvertHash), holder.object(), wanted, nullptr);
    }
    const PixelFormat* known = find_format(format_of(holder));
    if (known == nullptr) {
        return pixels;
    }
    pixels.element = known->element;
    pixels.stored = known->channels;
    pixels.channels = known->channels;
    pixels.is_grey = known->is_grey;
    if (format >= kFirst16 && format <= kLast16) {
        pixels.channels = static_cast<int>((format - kFirst16) % 4 + 1);
    }
    pixels.width = static_cast<int>(image_number(holder.object(), "get_width", kIntegerGetterHash));
    pixels.height = static_cast<int>(image_number(holder.object(), "get_height", kIntegerGetterHash));
    pixels.data = api.image_data(holder.object());
    return pixels;
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

Status read_frame(const PackedInt32Array& frame, double padding, ImageLayout& wanted) {
    if (frame.size() == 0) {
        return {};
    }
    if (frame.size() != 4 || frame.data()[0] < 1) {
        return Status(Code::InvalidOption, "frame: expected width, height, left and top");
    }
    wanted.frame_width = frame.data()[0];
    wanted.frame_height = frame.data()[1];
    wanted.left = frame.data()[2];
    wanted.top = frame.data()[3];
    wanted.padding = static_cast<float>(padding);
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

using Regroup = void (*)(const float* from, float* to, size_t channels, size_t positions);

PackedFloat32Array regrouped(const char* function, const PackedFloat32Array& values, int64_t channels,
                             Regroup regroup) {
    const int64_t size = values.size();
    if (channels < 1 || size % channels != 0) {
        report(function,
               std::to_string(size) + " values cannot be divided among " + std::to_string(channels) + " channels");
        return {};
    }
    PackedFloat32Array result(size);
    regroup(values.data(), result.data(), static_cast<size_t>(channels), static_cast<size_t>(size / channels));
    return result;
}

}  // namespace

PackedFloat32Array ExecuTorchModule::image_to_tensor(const ObjectRef& image, int64_t width, int64_t height,
                                                     const String& channels, const PackedFloat32Array& mean,
                                                     const PackedFloat32Array& deviation, const String& layout,
                                                     const PackedInt32Array& frame, double padding) {
    const StringName class_name("Image");
    if (image.object() == nullptr ||
        api.object_cast_to(image.object(), api.get_class_tag(class_name.ptr())) == nullptr) {
        report("image_to_tensor", "image_to_tensor expects an Image");
        return {};
    }
    ObjectRef holder;
    const Pixels pixels = pixels_of(image, holder);
    ImageLayout wanted;
    ImageReader reader;
    Status status = read_layout(width, height, channels, mean, deviation, layout, wanted);
    status = status.ok() ? read_frame(frame, padding, wanted) : std::move(status);
    status = status.ok() ? reader.prepare(pixels, wanted) : std::move(status);
    if (!status.ok()) {
        report("image_to_tensor", status.failure().cause);
        return {};
    }
    PackedFloat32Array result(static_cast<int64_t>(reader.value_count()));
    reader.read(result.data());
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
    return regrouped("to_channels_last", values, channels, channels_last);
}

PackedFloat32Array ExecuTorchModule::to_channels_first(const PackedFloat32Array& values, int64_t channels) {
    return regrouped("to_channels_first", values, channels, channels_first);
}

}  // namespace godot_executorch::godot
