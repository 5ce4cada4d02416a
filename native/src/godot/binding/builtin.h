#pragma once

#include <gdextension_interface.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include "godot/binding/interface.h"

/// Godot's builtin types with C++ lifetimes. Sizes are those of 64-bit single-precision builds.
namespace godot_executorch::godot {

/// What a builtin type needs of Godot, fetched once.
struct BuiltinFunctions {
    GDExtensionPtrConstructor construct = nullptr;
    GDExtensionPtrConstructor copy = nullptr;
    GDExtensionPtrDestructor destroy = nullptr;
    GDExtensionVariantFromTypeConstructorFunc to_variant = nullptr;
    GDExtensionTypeFromVariantConstructorFunc from_variant = nullptr;
    GDExtensionVariantGetInternalPtrFunc inside_variant = nullptr;
    GDExtensionPtrBuiltInMethod size = nullptr;
    GDExtensionPtrBuiltInMethod resize = nullptr;
};

extern BuiltinFunctions builtin[GDEXTENSION_VARIANT_TYPE_VARIANT_MAX];
template <GDExtensionVariantType kVariantType, size_t kSize>
class Builtin {
  public:
    static constexpr GDExtensionVariantType kType = kVariantType;

    Builtin() { builtin[kType].construct(bytes_, nullptr); }
    Builtin(const Builtin& other) {
        const GDExtensionConstTypePtr arguments[] = {other.bytes_};
        builtin[kType].copy(bytes_, arguments);
    }
    Builtin(Builtin&& other) noexcept : Builtin() { swap(other); }
    Builtin& operator=(Builtin other) noexcept {
        swap(other);
        return *this;
    }
    ~Builtin() {
        if (builtin[kType].destroy != nullptr) {
            builtin[kType].destroy(bytes_);
        }
    }

    void* ptr() { return bytes_; }
    const void* ptr() const { return bytes_; }

  protected:
    struct Uninitialized {};
    explicit Builtin(Uninitialized) {}
    void swap(Builtin& other) noexcept {
        unsigned char held[kSize];
        std::memcpy(held, bytes_, kSize);
        std::memcpy(bytes_, other.bytes_, kSize);
        std::memcpy(other.bytes_, held, kSize);
    }

    int64_t call_size() const {
        int64_t size = 0;
        builtin[kType].size(const_cast<unsigned char*>(bytes_), nullptr, &size, 0);
        return size;
    }
    void call_resize(int64_t size) {
        const GDExtensionConstTypePtr arguments[] = {&size};
        int64_t error = 0;
        builtin[kType].resize(bytes_, arguments, &error, 1);
    }

    alignas(8) unsigned char bytes_[kSize];
};

class String : public Builtin<GDEXTENSION_VARIANT_TYPE_STRING, 8> {
  public:
    String() = default;
    String(std::string_view text) : Builtin(Uninitialized()) {
        api.string_new(bytes_, text.data(), static_cast<GDExtensionInt>(text.size()));
    }
    String(const char* text) : String(std::string_view(text)) {}
    String(const std::string& text) : String(std::string_view(text)) {}
    std::string utf8() const;
};

class StringName : public Builtin<GDEXTENSION_VARIANT_TYPE_STRING_NAME, 8> {
  public:
    StringName() = default;
    explicit StringName(std::string_view text) : Builtin(Uninitialized()) {
        api.string_name_new(bytes_, text.data(), static_cast<GDExtensionInt>(text.size()));
    }
};

/// A packed array; `Element` is what Godot stores.
template <GDExtensionVariantType kVariantType, typename Element>
class Packed : public Builtin<kVariantType, 16> {
  public:
    using element_type = Element;

    Packed() = default;
    explicit Packed(int64_t size) {
        if (size > 0) {
            resized(size);
        }
    }
    int64_t size() const { return this->call_size(); }
    /// Its elements after a change of size; null when that is 0. Throws std::bad_alloc.
    Element* resized(int64_t size) {
        if (size == 0) {
            return nullptr;
        }
        this->call_resize(size);
        if (this->call_size() != size) {
            throw std::bad_alloc();
        }
        return index_first();
    }
    /// Null when empty; detaches from other holders.
    Element* data() { return size() > 0 ? index_first() : nullptr; }
    /// The same for an array that is not empty.
    Element* detached() { return index_first(); }
    const Element* data() const { return read(this->bytes_, size()); }
    /// The elements of an array that lives inside a Variant or an argument.
    static const Element* read(const void* array, int64_t size);

  private:
    Element* index_first();
};

using PackedByteArray = Packed<GDEXTENSION_VARIANT_TYPE_PACKED_BYTE_ARRAY, uint8_t>;
using PackedInt32Array = Packed<GDEXTENSION_VARIANT_TYPE_PACKED_INT32_ARRAY, int32_t>;
using PackedInt64Array = Packed<GDEXTENSION_VARIANT_TYPE_PACKED_INT64_ARRAY, int64_t>;
using PackedFloat32Array = Packed<GDEXTENSION_VARIANT_TYPE_PACKED_FLOAT32_ARRAY, float>;
using PackedFloat64Array = Packed<GDEXTENSION_VARIANT_TYPE_PACKED_FLOAT64_ARRAY, double>;

#define GODOT_PACKED(Array, index_function, read_function)                           \
    template <>                                                                      \
    inline Array::element_type* Array::index_first() {                               \
        return api.index_function(bytes_, 0);                                        \
    }                                                                                \
    template <>                                                                      \
    inline const Array::element_type* Array::read(const void* array, int64_t size) { \
        return size > 0 ? api.read_function(array, 0) : nullptr;                     \
    }
GODOT_PACKED(PackedByteArray, packed_byte_index, packed_byte_read)
GODOT_PACKED(PackedInt32Array, packed_int32_index, packed_int32_read)
GODOT_PACKED(PackedInt64Array, packed_int64_index, packed_int64_read)
GODOT_PACKED(PackedFloat32Array, packed_float32_index, packed_float32_read)
GODOT_PACKED(PackedFloat64Array, packed_float64_index, packed_float64_read)
#undef GODOT_PACKED

class PackedStringArray : public Builtin<GDEXTENSION_VARIANT_TYPE_PACKED_STRING_ARRAY, 16> {
  public:
    PackedStringArray() = default;
    template <typename Container>
    explicit PackedStringArray(const Container& texts) {
        call_resize(static_cast<int64_t>(texts.size()));
        int64_t index = 0;
        for (const auto& text : texts) {
            *static_cast<String*>(api.packed_string_index(bytes_, index++)) = String(text);
        }
    }
    int64_t size() const { return call_size(); }
    const String& operator[](int64_t index) const {
        return *static_cast<const String*>(api.packed_string_read(bytes_, index));
    }
};

}  // namespace godot_executorch::godot
