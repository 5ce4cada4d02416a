#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "godot/values.h"

/// Registers C++ classes with Godot: methods are described by their own signatures.
namespace godot_executorch::godot {

template <typename T>
struct TypeOf {
    static constexpr GDExtensionVariantType kType = T::kType;
};
template <>
struct TypeOf<bool> {
    static constexpr GDExtensionVariantType kType = GDEXTENSION_VARIANT_TYPE_BOOL;
};
template <>
struct TypeOf<int64_t> {
    static constexpr GDExtensionVariantType kType = GDEXTENSION_VARIANT_TYPE_INT;
};
template <>
struct TypeOf<double> {
    static constexpr GDExtensionVariantType kType = GDEXTENSION_VARIANT_TYPE_FLOAT;
};
template <>
struct TypeOf<ObjectRef> {
    static constexpr GDExtensionVariantType kType = GDEXTENSION_VARIANT_TYPE_OBJECT;
};
template <>
struct TypeOf<Variant> {
    static constexpr GDExtensionVariantType kType = GDEXTENSION_VARIANT_TYPE_NIL;
};

/// A result that is already inside a Variant (nil = an empty one), where the copy out of a T would show.
template <typename T>
struct Returned {
    Variant variant;
};
template <typename T>
struct TypeOf<Returned<T>> {
    static constexpr GDExtensionVariantType kType = T::kType;
};
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

/// How a method is named to Godot, and its last arguments' defaults.
struct MethodNames {
    const char* name;
    std::vector<const char*> arguments = {};
    std::vector<Variant> defaults = {};
};

/// Calls one C++ function on behalf of Godot. Lives until the library is unloaded.
template <typename Class, typename Result, typename Function, typename... Arguments>
class Method {
  public:
    Method(Function function, std::vector<Variant> defaults) : function_(function), defaults_(std::move(defaults)) {}

    static void call(void* self, GDExtensionClassInstancePtr instance, const GDExtensionConstVariantPtr* given,
                     GDExtensionInt count, GDExtensionVariantPtr result, GDExtensionCallError* error) {
        static_cast<Method*>(self)->call_with_variants(
            static_cast<Class*>(instance), reinterpret_cast<const Variant* const*>(given), count,
            static_cast<Variant*>(result), error, std::index_sequence_for<Arguments...>());
    }

    static void typed_call(void* self, GDExtensionClassInstancePtr instance, const GDExtensionConstTypePtr* given,
                           GDExtensionTypePtr result) {
        static_cast<Method*>(self)->call_typed(static_cast<Class*>(instance), given, result,
                                               std::index_sequence_for<Arguments...>());
    }

  private:
    template <typename... Values>
    Result invoke(Class* instance, Values&&... values) {
        if constexpr (std::is_member_function_pointer_v<Function>) {
            return (instance->*function_)(std::forward<Values>(values)...);
        } else {
            return function_(std::forward<Values>(values)...);
        }
    }

    template <size_t... kIndex>
    void call_with_variants(Class* instance, const Variant* const* given, GDExtensionInt count, Variant* result,
                            GDExtensionCallError* error, std::index_sequence<kIndex...>) {
        constexpr auto kCount = static_cast<GDExtensionInt>(sizeof...(Arguments));
        const auto required = kCount - static_cast<GDExtensionInt>(defaults_.size());
        if (count > kCount || count < required) {
            error->error =
                count > kCount ? GDEXTENSION_CALL_ERROR_TOO_MANY_ARGUMENTS : GDEXTENSION_CALL_ERROR_TOO_FEW_ARGUMENTS;
            error->expected = static_cast<int32_t>(count > kCount ? kCount : required);
            return;
        }
        const Variant* all[sizeof...(Arguments) + 1] = {};
        for (GDExtensionInt i = 0; i < kCount; ++i) {
            all[i] = i < count ? given[i] : &defaults_[static_cast<size_t>(i - required)];
        }
        static constexpr GDExtensionVariantType kTypes[] = {TypeOf<Arguments>::kType..., GDEXTENSION_VARIANT_TYPE_NIL};
        for (GDExtensionInt i = 0; i < kCount; ++i) {
            const GDExtensionVariantType type = all[i]->type();
            if (type != kTypes[i] && kTypes[i] != GDEXTENSION_VARIANT_TYPE_NIL &&
                !api.variant_can_convert_strict(type, kTypes[i])) {
                error->error = GDEXTENSION_CALL_ERROR_INVALID_ARGUMENT;
                error->argument = static_cast<int32_t>(i);
                error->expected = kTypes[i];
                return;
            }
        }
        error->error = GDEXTENSION_CALL_OK;
        if constexpr (std::is_void_v<Result>) {
            invoke(instance, Argument<Arguments>(*all[kIndex]).get()...);
        } else {
            *result = to_variant(invoke(instance, Argument<Arguments>(*all[kIndex]).get()...));
        }
    }

    template <size_t... kIndex>
    void call_typed(Class* instance, const GDExtensionConstTypePtr* given, GDExtensionTypePtr result,
                    std::index_sequence<kIndex...>) {
        (void)given;
        if constexpr (std::is_void_v<Result>) {
            invoke(instance, Argument<Arguments>(given[kIndex]).get()...);
        } else {
            return_typed(invoke(instance, Argument<Arguments>(given[kIndex]).get()...), result);
        }
    }

    Function function_;
    std::vector<Variant> defaults_;
};

/// Registers one class that derives from RefCounted. `Class` needs a constructor that takes its Godot object.
template <typename Class>
class ClassBinding {
  public:
    explicit ClassBinding(const char* name);

    template <typename Result, typename... Arguments>
    void method(MethodNames names, Result (Class::*function)(Arguments...)) {
        add<Result, Result (Class::*)(Arguments...), std::decay_t<Arguments>...>(std::move(names), function, 0);
    }
    template <typename Result, typename... Arguments>
    void method(MethodNames names, Result (Class::*function)(Arguments...) const) {
        add<Result, Result (Class::*)(Arguments...) const, std::decay_t<Arguments>...>(std::move(names), function,
                                                                                       GDEXTENSION_METHOD_FLAG_CONST);
    }
    template <typename Result, typename... Arguments>
    void static_method(MethodNames names, Result (*function)(Arguments...)) {
        add<Result, Result (*)(Arguments...), std::decay_t<Arguments>...>(std::move(names), function,
                                                                          GDEXTENSION_METHOD_FLAG_STATIC);
    }

  private:
    template <typename Result, typename Function, typename... Arguments>
    void add(MethodNames names, Function function, uint32_t flags);

    StringName name_;
};

/// Keeps what Godot points to until the library is unloaded.
void keep(std::shared_ptr<void> owned);
void release_kept();
void register_class(const StringName& name, void* (*create)(GDExtensionObjectPtr), void (*destroy)(void*));
/// The object of a new instance of a registered class; `instance` gets its C++ side.
GDExtensionObjectPtr create_object(const StringName& name, void* (*create)(GDExtensionObjectPtr), void*& instance);
/// The C++ side of an object of a registered class, or null.
void* instance_of(GDExtensionObjectPtr object, const char* class_name);
void register_method(const StringName& class_name, const MethodNames& names, uint32_t flags, void* method,
                     GDExtensionClassMethodCall call, GDExtensionClassMethodPtrCall typed_call,
                     const GDExtensionVariantType* types, size_t argument_count);

template <typename Class>
void* create_instance(GDExtensionObjectPtr object) {
    return std::make_unique<Class>(object).release();  // Godot owns it and gives it back to destroy_instance
}

template <typename Class>
void destroy_instance(void* instance) {
    const std::unique_ptr<Class> owned(static_cast<Class*>(instance));
}

template <typename Class>
ClassBinding<Class>::ClassBinding(const char* name) : name_(name) {
    register_class(name_, create_instance<Class>, destroy_instance<Class>);
}

template <typename Class>
template <typename Result, typename Function, typename... Arguments>
void ClassBinding<Class>::add(MethodNames names, Function function, uint32_t flags) {
    using Bound = Method<Class, Result, Function, Arguments...>;
    const auto bound = std::make_shared<Bound>(function, names.defaults);
    keep(bound);
    // The return type comes first; NIL stands for a Variant, and for nothing when there is none.
    constexpr bool kReturns = !std::is_void_v<Result>;
    using Returned = std::conditional_t<kReturns, std::decay_t<Result>, Variant>;
    const GDExtensionVariantType types[] = {TypeOf<Returned>::kType, TypeOf<Arguments>::kType...};
    register_method(name_, names, flags | (kReturns ? 0U : uint32_t{1} << 31), bound.get(), Bound::call,
                    Bound::typed_call, types, sizeof...(Arguments));
}

}  // namespace godot_executorch::godot
