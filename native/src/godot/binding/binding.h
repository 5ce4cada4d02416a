#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/status.h"
#include "godot/binding/arguments.h"

/// Registers C++ classes with Godot: methods are described by their own signatures.
namespace godot_executorch::godot {

/// How a method is named to Godot, and its last arguments' defaults.
struct MethodNames {
    const char* name;
    std::vector<const char*> arguments = {};
    std::vector<Variant> defaults = {};
};

/// The exception that is being handled, as a failure.
Status exception_status(const char* function);
/// Prints a failure of a function that has no place to keep it.
void print_failure(const char* function, const Status& status);

template <typename Class, typename = void>
struct KeepsErrors : std::false_type {};
template <typename Class>
struct KeepsErrors<Class, std::void_t<decltype(std::declval<Class&>().keep_error(Status()))>> : std::true_type {};

/// Calls one C++ function on behalf of Godot. No exception leaves it: the function then returns an empty value, or the
/// error's number where it returns one. Exists until the library is unloaded.
template <typename Class, typename Result, typename Function, typename... Arguments>
class Method {
  public:
    Method(const char* name, Function function, std::vector<Variant> defaults)
        : name_(name), function_(function), defaults_(std::move(defaults)) {}

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
        try {
            if constexpr (std::is_member_function_pointer_v<Function>) {
                return (instance->*function_)(std::forward<Values>(values)...);
            } else {
                return function_(std::forward<Values>(values)...);
            }
        } catch (...) {
            return failed(instance, exception_status(name_));
        }
    }

    Result failed(Class* instance, Status status) {
        [[maybe_unused]] int64_t code = status.code();
        if constexpr (std::is_member_function_pointer_v<Function> && KeepsErrors<Class>::value) {
            // Some functions are const; the error belongs to the calling thread, not to what the object is.
            const_cast<std::remove_const_t<Class>*>(instance)->keep_error(std::move(status));
        } else {
            (void)instance;
            print_failure(name_, status);
        }
        if constexpr (std::is_same_v<Result, int64_t>) {
            return code;
        } else if constexpr (!std::is_void_v<Result>) {
            return Result();
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
        static constexpr GDExtensionVariantType kTypes[] = {kTypeOf<Arguments>..., GDEXTENSION_VARIANT_TYPE_NIL};
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

    const char* name_;
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
    return std::make_unique<Class>(object).release();  // Godot owns it and passes it to destroy_instance
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
    const auto bound = std::make_shared<Bound>(names.name, function, names.defaults);
    keep(bound);
    // The return type comes first; NIL stands for a Variant, and for nothing when there is none.
    constexpr bool kReturns = !std::is_void_v<Result>;
    using Returned = std::conditional_t<kReturns, std::decay_t<Result>, Variant>;
    const GDExtensionVariantType types[] = {kTypeOf<Returned>, kTypeOf<Arguments>...};
    register_method(name_, names, flags | (kReturns ? 0U : uint32_t{1} << 31), bound.get(), Bound::call,
                    Bound::typed_call, types, sizeof...(Arguments));
}

}  // namespace godot_executorch::godot
