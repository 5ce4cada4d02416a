#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "godot/binding/values.h"

/// Between Godot's arguments and results and the C++ types of a bound function.
namespace godot_executorch::godot {

/// The type of a Variant that holds a T.
template <typename T>
inline constexpr GDExtensionVariantType kTypeOf = T::kType;
template <>
inline constexpr GDExtensionVariantType kTypeOf<bool> = GDEXTENSION_VARIANT_TYPE_BOOL;
template <>
inline constexpr GDExtensionVariantType kTypeOf<int64_t> = GDEXTENSION_VARIANT_TYPE_INT;
template <>
inline constexpr GDExtensionVariantType kTypeOf<double> = GDEXTENSION_VARIANT_TYPE_FLOAT;
template <>
inline constexpr GDExtensionVariantType kTypeOf<ObjectRef> = GDEXTENSION_VARIANT_TYPE_OBJECT;
template <>
inline constexpr GDExtensionVariantType kTypeOf<Variant> = GDEXTENSION_VARIANT_TYPE_NIL;

/// A result that is already inside a Variant (nil = an empty one), for calls in which one more copy would be
/// measurable.
template <typename T>
struct Returned {
    Variant variant;
};
template <typename T>
inline constexpr GDExtensionVariantType kTypeOf<Returned<T>> = T::kType;
template <typename T>
struct IsReturned : std::false_type {};
template <typename T>
struct IsReturned<Returned<T>> : std::true_type {
    using Value = T;
};

/// An argument that came inside a Variant. Arguments of the right type are read in place.
template <typename T>
class Argument {
  public:
    explicit Argument(const Variant& given) {
        if constexpr (std::is_same_v<T, Variant>) {
            value_ = &given;
        } else if (given.type() == T::kType) {
            value_ = &given.as<T>();
        } else {
            value_ = &converted_.emplace(converted<T>(given));
        }
    }
    explicit Argument(GDExtensionConstTypePtr given) : value_(static_cast<const T*>(given)) {}
    const T& get() const { return *value_; }

  private:
    std::optional<T> converted_;
    const T* value_;
};

template <typename T>
class ScalarArgument {
  public:
    explicit ScalarArgument(const Variant& given) {
        const GDExtensionVariantType type = given.type();
        if (type == GDEXTENSION_VARIANT_TYPE_FLOAT) {
            value_ = static_cast<T>(given.as_float());
        } else if (type == GDEXTENSION_VARIANT_TYPE_INT) {
            value_ = static_cast<T>(given.as_int());
        } else {
            value_ = type == GDEXTENSION_VARIANT_TYPE_BOOL ? static_cast<T>(given.as_bool()) : T{};
        }
    }
    explicit ScalarArgument(GDExtensionConstTypePtr given) {
        if constexpr (std::is_same_v<T, bool>) {
            value_ = *static_cast<const GDExtensionBool*>(given) != 0;
        } else {
            value_ = *static_cast<const T*>(given);
        }
    }
    T get() const { return value_; }

  private:
    T value_;
};
template <>
class Argument<bool> : public ScalarArgument<bool> {
    using ScalarArgument::ScalarArgument;
};
template <>
class Argument<int64_t> : public ScalarArgument<int64_t> {
    using ScalarArgument::ScalarArgument;
};
template <>
class Argument<double> : public ScalarArgument<double> {
    using ScalarArgument::ScalarArgument;
};
template <>
class Argument<ObjectRef> {
  public:
    explicit Argument(const Variant& given) : value_(given.is_nil() ? nullptr : given.as_object()) {}
    explicit Argument(GDExtensionConstTypePtr given)
        : value_(given != nullptr ? *static_cast<const GDExtensionObjectPtr*>(given) : nullptr) {}
    const ObjectRef& get() const { return value_; }

  private:
    ObjectRef value_;
};

/// Puts a result where a typed call wants it.
template <typename T>
void return_typed(T&& value, GDExtensionTypePtr place) {
    using Value = std::decay_t<T>;
    if constexpr (std::is_same_v<Value, bool>) {
        *static_cast<GDExtensionBool*>(place) = value ? 1 : 0;
    } else if constexpr (std::is_arithmetic_v<Value>) {
        *static_cast<Value*>(place) = value;
    } else if constexpr (IsReturned<Value>::value) {
        using Inner = typename IsReturned<Value>::Value;
        *static_cast<Inner*>(place) = value.variant.is_nil() ? Inner() : value.variant.template as<Inner>();
    } else if constexpr (std::is_same_v<Value, ObjectRef>) {
        api.ref_set_object(place, value.object());
    } else {
        *static_cast<Value*>(place) = std::forward<T>(value);
    }
}

template <typename T>
Variant to_variant(T&& value) {
    if constexpr (std::is_same_v<std::decay_t<T>, ObjectRef>) {
        return value.variant();
    } else if constexpr (IsReturned<std::decay_t<T>>::value) {
        using Inner = typename IsReturned<std::decay_t<T>>::Value;
        return value.variant.is_nil() ? Variant(Inner()) : std::move(value.variant);
    } else {
        return Variant(std::forward<T>(value));
    }
}

}  // namespace godot_executorch::godot
