#include "godot/binding/values.h"

namespace godot_executorch::godot {

BuiltinFunctions builtin[GDEXTENSION_VARIANT_TYPE_VARIANT_MAX];
GDExtensionPtrBuiltInMethod dictionary_get = nullptr;
GDExtensionPtrBuiltInMethod dictionary_keys = nullptr;
bool variant_type_is_first = false;

namespace {

// Hashes of the methods' signatures, as extension_api.json of Godot 4.4 to 4.6 gives them.
constexpr GDExtensionInt kSizeHash = 3173160232;
constexpr GDExtensionInt kResizeHash = 848867239;
constexpr GDExtensionInt kDictionaryGetHash = 2205440559;
constexpr GDExtensionInt kDictionaryKeysHash = 4144163970;

GDExtensionPtrBuiltInMethod method(GDExtensionVariantType type, const char* name, GDExtensionInt hash) {
    const StringName method_name(name);
    return api.get_builtin_method(type, method_name.ptr(), hash);
}

}  // namespace

void load_builtin_functions() {
    for (int index = GDEXTENSION_VARIANT_TYPE_BOOL; index < GDEXTENSION_VARIANT_TYPE_VARIANT_MAX; ++index) {
        const auto type = static_cast<GDExtensionVariantType>(index);
        builtin[type] = {
            api.get_constructor(type, 0),
            api.get_constructor(type, 1),
            api.get_destructor(type),
            api.get_variant_from_type(type),
            api.get_variant_to_type(type),
            api.variant_get_internal(type),
            nullptr,
            nullptr,
        };
    }
    for (const GDExtensionVariantType type :
         {PackedByteArray::kType, PackedInt32Array::kType, PackedInt64Array::kType, PackedFloat32Array::kType,
          PackedFloat64Array::kType, PackedStringArray::kType, Array::kType}) {
        builtin[type].size = method(type, "size", kSizeHash);
        builtin[type].resize = method(type, "resize", kResizeHash);
    }
    builtin[Dictionary::kType].size = method(Dictionary::kType, "size", kSizeHash);
    bool first = true;
    for (const Variant& value : {Variant(), Variant(true), Variant(int64_t{1}), Variant(0.5), Variant("text"),
                                 Variant(Dictionary()), Variant(Array()), Variant(PackedFloat32Array(1))}) {
        uint32_t type = 0;
        std::memcpy(&type, value.ptr(), sizeof type);
        first = first && type == static_cast<uint32_t>(api.variant_get_type(value.ptr()));
    }
    variant_type_is_first = first;
    dictionary_get = method(Dictionary::kType, "get", kDictionaryGetHash);
    dictionary_keys = method(Dictionary::kType, "keys", kDictionaryKeysHash);
}

std::string String::utf8() const {
    const GDExtensionInt length = api.string_to_utf8(bytes_, nullptr, 0);
    std::string text(static_cast<size_t>(length), '\0');
    api.string_to_utf8(bytes_, text.data(), length);
    return text;
}

std::string Variant::type_name(GDExtensionVariantType type) {
    String name;
    api.variant_get_type_name(type, name.ptr());
    return name.utf8();
}

Variant Dictionary::get(const Variant& key) const {
    Variant result;
    const Variant missing;
    const GDExtensionConstTypePtr arguments[] = {key.ptr(), missing.ptr()};
    dictionary_get(const_cast<unsigned char*>(bytes_), arguments, result.ptr(), 2);
    return result;
}

Array Dictionary::keys() const {
    Array result;
    dictionary_keys(const_cast<unsigned char*>(bytes_), nullptr, result.ptr(), 0);
    return result;
}

}  // namespace godot_executorch::godot
