#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "godot/binding/builtin.h"

/// Variant, and the values that hold Variants.
namespace godot_executorch::godot {

extern GDExtensionPtrBuiltInMethod dictionary_get;
extern GDExtensionPtrBuiltInMethod dictionary_keys;

/// Whether this Godot keeps a Variant's type in its first four bytes, as all versions so far do; tested at start.
extern bool variant_type_is_first;

/// Fetches what every builtin type needs of Godot. Once, at start.
void load_builtin_functions();

class Variant {
  public:
    Variant() {
        if (variant_type_is_first) {
            std::memset(bytes_, 0, sizeof bytes_);
        } else {
            api.variant_new_nil(bytes_);
        }
    }
    Variant(const Variant& other) { api.variant_new_copy(bytes_, other.bytes_); }
    Variant(Variant&& other) noexcept : Variant() { swap(other); }
    Variant& operator=(Variant other) noexcept {
        swap(other);
        return *this;
    }
    ~Variant() {
        // Most are empty by now, after a move.
        if (!variant_type_is_first || type() != GDEXTENSION_VARIANT_TYPE_NIL) {
            api.variant_destroy(bytes_);
        }
    }

    Variant(bool value) {
        GDExtensionBool encoded = value ? 1 : 0;
        builtin[GDEXTENSION_VARIANT_TYPE_BOOL].to_variant(bytes_, &encoded);
    }
    Variant(int64_t value) { builtin[GDEXTENSION_VARIANT_TYPE_INT].to_variant(bytes_, &value); }
    Variant(int value) : Variant(static_cast<int64_t>(value)) {}
    Variant(size_t value) : Variant(static_cast<int64_t>(value)) {}
    Variant(double value) { builtin[GDEXTENSION_VARIANT_TYPE_FLOAT].to_variant(bytes_, &value); }
    Variant(const char* text) : Variant(String(text)) {}
    Variant(const std::string& text) : Variant(String(text)) {}
    template <GDExtensionVariantType kType, size_t kSize>
    Variant(const Builtin<kType, kSize>& value) {
        builtin[kType].to_variant(bytes_, const_cast<void*>(value.ptr()));
    }
    /// A packed array of `size` elements, made in place; `elements` is where to write them.
    template <typename PackedArray>
    static Variant packed(int64_t size, typename PackedArray::element_type*& elements) {
        static const PackedArray& empty = *new PackedArray();  // never freed: Godot may be gone by then
        Variant variant(empty);
        auto& array = *static_cast<PackedArray*>(const_cast<void*>(variant.inside(PackedArray::kType)));
        elements = array.resized(size);
        return variant;
    }
    /// A copy of a packed array whose elements are about to be overwritten: `elements` is where.
    template <typename PackedArray>
    static Variant packed_like(const PackedArray& array, typename PackedArray::element_type*& elements) {
        Variant variant(array);
        elements = static_cast<PackedArray*>(const_cast<void*>(variant.inside(PackedArray::kType)))->detached();
        return variant;
    }
    /// Takes part in reference counting when the object does.
    static Variant of_object(GDExtensionObjectPtr object) {
        Variant variant;
        builtin[GDEXTENSION_VARIANT_TYPE_OBJECT].to_variant(variant.bytes_, &object);
        return variant;
    }

    GDExtensionVariantType type() const {
        if (variant_type_is_first) {
            uint32_t type = 0;
            std::memcpy(&type, bytes_, sizeof type);
            return static_cast<GDExtensionVariantType>(type);
        }
        return api.variant_get_type(bytes_);
    }
    bool is_nil() const { return type() == GDEXTENSION_VARIANT_TYPE_NIL; }
    static std::string type_name(GDExtensionVariantType type);

    /// The value inside, without a copy; only when type() is Value's.
    template <typename Value>
    const Value& as() const {
        return *static_cast<const Value*>(inside(Value::kType));
    }
    bool as_bool() const { return *static_cast<const GDExtensionBool*>(inside(GDEXTENSION_VARIANT_TYPE_BOOL)) != 0; }
    int64_t as_int() const { return *static_cast<const int64_t*>(inside(GDEXTENSION_VARIANT_TYPE_INT)); }
    double as_float() const { return *static_cast<const double*>(inside(GDEXTENSION_VARIANT_TYPE_FLOAT)); }
    /// Null when the object was freed.
    GDExtensionObjectPtr as_object() const { return api.object_of_id(api.variant_object_id(bytes_)); }

    void* ptr() { return bytes_; }
    const void* ptr() const { return bytes_; }

  private:
    void swap(Variant& other) noexcept {
        unsigned char held[sizeof bytes_];
        std::memcpy(held, bytes_, sizeof bytes_);
        std::memcpy(bytes_, other.bytes_, sizeof bytes_);
        std::memcpy(other.bytes_, held, sizeof bytes_);
    }
    const void* inside(GDExtensionVariantType type) const {
        return builtin[type].inside_variant(const_cast<unsigned char*>(bytes_));
    }

    alignas(8) unsigned char bytes_[24];
};

class Array : public Builtin<GDEXTENSION_VARIANT_TYPE_ARRAY, 8> {
  public:
    Array() = default;
    explicit Array(int64_t size) { call_resize(size); }
    int64_t size() const { return call_size(); }
    Variant& operator[](int64_t index) { return *static_cast<Variant*>(api.array_index(bytes_, index)); }
    const Variant& operator[](int64_t index) const {
        return *static_cast<const Variant*>(api.array_read(bytes_, index));
    }
    void append(Variant value) {
        const int64_t index = size();
        call_resize(index + 1);
        (*this)[index] = std::move(value);
    }
    /// Its values, which are adjacent in memory; null when empty.
    Variant* data() { return size() > 0 ? &(*this)[0] : nullptr; }
    const Variant* data() const { return size() > 0 ? &(*this)[0] : nullptr; }
};

class Dictionary : public Builtin<GDEXTENSION_VARIANT_TYPE_DICTIONARY, 8> {
  public:
    int64_t size() const { return call_size(); }
    Variant& operator[](const Variant& key) { return *static_cast<Variant*>(api.dictionary_index(bytes_, key.ptr())); }
    /// Nil when the key is missing.
    Variant get(const Variant& key) const;
    Array keys() const;
    /// For a key that is known to be there.
    const Variant& at(const Variant& key) const {
        return *static_cast<const Variant*>(api.dictionary_read(bytes_, key.ptr()));
    }
};

/// The value that Godot converts a Variant of another type to.
template <typename Value>
Value converted(const Variant& given) {
    Value value;
    if (builtin[Value::kType].destroy != nullptr) {
        builtin[Value::kType].destroy(value.ptr());
    }
    builtin[Value::kType].from_variant(value.ptr(), const_cast<void*>(given.ptr()));
    return value;
}

/// A reference-counted Godot object that is held.
class ObjectRef {
  public:
    ObjectRef() = default;
    explicit ObjectRef(GDExtensionObjectPtr object)
        : variant_(object != nullptr ? Variant::of_object(object) : Variant()) {}
    GDExtensionObjectPtr object() const { return variant_.is_nil() ? nullptr : variant_.as_object(); }
    const Variant& variant() const { return variant_; }

  private:
    Variant variant_;
};

}  // namespace godot_executorch::godot
