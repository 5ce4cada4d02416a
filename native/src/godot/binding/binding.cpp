#include "godot/binding/binding.h"

#include <cstring>
#include <exception>
#include <new>
#include <string>

namespace godot_executorch::godot {
namespace {

constexpr uint32_t kNoResult = uint32_t{1} << 31;
constexpr uint32_t kUsageDefault = 6;             // PROPERTY_USAGE_DEFAULT
constexpr uint32_t kUsageNilIsVariant = 1 << 17;  // PROPERTY_USAGE_NIL_IS_VARIANT
constexpr GDExtensionInt kNotificationHash = 4023243586;
constexpr int64_t kPostInitialize = 0;  // Object.NOTIFICATION_POSTINITIALIZE

struct RegisteredClass {
    StringName name;
    void* (*create)(GDExtensionObjectPtr);
    void (*destroy)(void*);
};

std::vector<std::shared_ptr<void>> kept;

void notify_post_initialize(GDExtensionObjectPtr object) {
    const StringName class_name("Object");
    const StringName method_name("notification");
    static const GDExtensionMethodBindPtr notification =
        api.get_method_bind(class_name.ptr(), method_name.ptr(), kNotificationHash);
    const GDExtensionBool reversed = 0;
    const GDExtensionConstTypePtr arguments[] = {&kPostInitialize, &reversed};
    api.object_call(notification, object, arguments, nullptr);
}

GDExtensionObjectPtr create(void* user_data, GDExtensionBool notify) {
    const auto* registered = static_cast<const RegisteredClass*>(user_data);
    void* instance = nullptr;
    GDExtensionObjectPtr object = create_object(registered->name, registered->create, instance);
    if (notify != 0) {
        notify_post_initialize(object);
    }
    return object;
}

void destroy(void* user_data, GDExtensionClassInstancePtr instance) {
    static_cast<const RegisteredClass*>(user_data)->destroy(instance);
}

const GDExtensionInstanceBindingCallbacks kBindingCallbacks = {nullptr, nullptr, nullptr};

}  // namespace

Status exception_status(const char* function) {
    try {
        throw;
    } catch (const std::bad_alloc&) {
        return Status(static_cast<Code>(executorch::runtime::Error::MemoryAllocationFailed),
                      std::string(function) + ": the system has no memory left for it",
                      "Use smaller inputs or images, or free memory.");
    } catch (const std::exception& error) {
        return Status(static_cast<Code>(executorch::runtime::Error::Internal),
                      std::string(function) + ": " + error.what());
    } catch (...) {
        return Status(static_cast<Code>(executorch::runtime::Error::Internal),
                      std::string(function) + ": an unknown exception");
    }
}

void print_failure(const char* function, const Status& status) {
    api.print_error(status.failure().cause.c_str(), function, __FILE__, __LINE__, 0);
}

void keep(std::shared_ptr<void> owned) {
    kept.push_back(std::move(owned));
}

void release_kept() {
    kept.clear();
}

GDExtensionObjectPtr create_object(const StringName& name, void* (*create)(GDExtensionObjectPtr), void*& instance) {
    const StringName parent("RefCounted");
    GDExtensionObjectPtr object = api.construct_object(parent.ptr());
    instance = create(object);
    api.object_set_instance(object, name.ptr(), instance);
    api.object_set_binding(object, api.library, instance, &kBindingCallbacks);
    return object;
}

void* instance_of(GDExtensionObjectPtr object, const char* class_name) {
    // Godot's cast does not serve: a class of an extension has the tag of its parent, so every RefCounted would pass.
    const StringName name(class_name);
    StringName own;
    if (object == nullptr || api.object_class_name(object, api.library, own.ptr()) == 0 ||
        std::memcmp(own.ptr(), name.ptr(), sizeof(void*)) != 0) {
        return nullptr;
    }
    return api.object_get_binding(object, api.library, &kBindingCallbacks);
}

void register_class(const StringName& name, void* (*create_function)(GDExtensionObjectPtr),
                    void (*destroy_function)(void*)) {
    const auto registered = std::make_shared<RegisteredClass>(RegisteredClass{name, create_function, destroy_function});
    keep(registered);
    const StringName parent("RefCounted");
    GDExtensionClassCreationInfo4 info = {};
    // Internal: the help and the type names are for the addon's own classes; ClassDB still makes these.
    info.is_exposed = 0;
    info.create_instance_func = create;
    info.free_instance_func = destroy;
    info.class_userdata = registered.get();
    api.register_class(api.library, name.ptr(), parent.ptr(), &info);
}

void register_method(const StringName& class_name, const MethodNames& names, uint32_t flags, void* method,
                     GDExtensionClassMethodCall call, GDExtensionClassMethodPtrCall typed_call,
                     const GDExtensionVariantType* types, size_t argument_count) {
    StringName no_class;
    String no_hint;
    std::vector<StringName> argument_names;
    for (size_t i = 0; i < argument_count; ++i) {
        argument_names.emplace_back(i < names.arguments.size() ? names.arguments[i] : "argument");
    }
    const auto describe = [&](GDExtensionVariantType type, StringName& name) {
        const uint32_t usage =
            type == GDEXTENSION_VARIANT_TYPE_NIL ? kUsageDefault | kUsageNilIsVariant : kUsageDefault;
        return GDExtensionPropertyInfo{type, name.ptr(), no_class.ptr(), 0, no_hint.ptr(), usage};
    };
    std::vector<GDExtensionPropertyInfo> arguments;
    std::vector<GDExtensionClassMethodArgumentMetadata> metadata(argument_count,
                                                                 GDEXTENSION_METHOD_ARGUMENT_METADATA_NONE);
    for (size_t i = 0; i < argument_count; ++i) {
        arguments.push_back(describe(types[i + 1], argument_names[i]));
    }
    std::vector<GDExtensionVariantPtr> defaults;
    for (const Variant& value : names.defaults) {
        defaults.push_back(const_cast<void*>(value.ptr()));
    }
    GDExtensionPropertyInfo result = describe(types[0], no_class);
    StringName name(names.name);
    GDExtensionClassMethodInfo info = {};
    info.name = name.ptr();
    info.method_userdata = method;
    info.call_func = call;
    info.ptrcall_func = typed_call;
    info.method_flags = GDEXTENSION_METHOD_FLAGS_DEFAULT | (flags & ~kNoResult);
    info.has_return_value = (flags & kNoResult) == 0 ? 1 : 0;
    info.return_value_info = &result;
    info.argument_count = static_cast<uint32_t>(argument_count);
    info.arguments_info = arguments.data();
    info.arguments_metadata = metadata.data();
    info.default_argument_count = static_cast<uint32_t>(defaults.size());
    info.default_arguments = defaults.data();
    api.register_method(api.library, class_name.ptr(), &info);
}

}  // namespace godot_executorch::godot
