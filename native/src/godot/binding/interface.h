#pragma once

#include <gdextension_interface.h>

namespace godot_executorch::godot {

// Each entry: C++ member, typedef suffix, name that Godot knows it by (all in Godot 4.4).
#define GODOT_INTERFACE(X)                                                                                    \
    X(print_error, PrintError, "print_error")                                                                 \
    X(variant_new_copy, VariantNewCopy, "variant_new_copy")                                                   \
    X(variant_new_nil, VariantNewNil, "variant_new_nil")                                                      \
    X(variant_destroy, VariantDestroy, "variant_destroy")                                                     \
    X(variant_get_type, VariantGetType, "variant_get_type")                                                   \
    X(variant_get_type_name, VariantGetTypeName, "variant_get_type_name")                                     \
    X(variant_object_id, VariantGetObjectInstanceId, "variant_get_object_instance_id")                        \
    X(variant_can_convert_strict, VariantCanConvertStrict, "variant_can_convert_strict")                      \
    X(get_variant_from_type, GetVariantFromTypeConstructor, "get_variant_from_type_constructor")              \
    X(get_variant_to_type, GetVariantToTypeConstructor, "get_variant_to_type_constructor")                    \
    X(variant_get_internal, GetVariantGetInternalPtrFunc, "variant_get_ptr_internal_getter")                  \
    X(get_constructor, VariantGetPtrConstructor, "variant_get_ptr_constructor")                               \
    X(get_destructor, VariantGetPtrDestructor, "variant_get_ptr_destructor")                                  \
    X(get_builtin_method, VariantGetPtrBuiltinMethod, "variant_get_ptr_builtin_method")                       \
    X(get_utility_function, VariantGetPtrUtilityFunction, "variant_get_ptr_utility_function")                 \
    X(string_new, StringNewWithUtf8CharsAndLen, "string_new_with_utf8_chars_and_len")                         \
    X(string_to_utf8, StringToUtf8Chars, "string_to_utf8_chars")                                              \
    X(string_name_new, StringNameNewWithUtf8CharsAndLen, "string_name_new_with_utf8_chars_and_len")           \
    X(packed_byte_index, PackedByteArrayOperatorIndex, "packed_byte_array_operator_index")                    \
    X(packed_int32_index, PackedInt32ArrayOperatorIndex, "packed_int32_array_operator_index")                 \
    X(packed_int64_index, PackedInt64ArrayOperatorIndex, "packed_int64_array_operator_index")                 \
    X(packed_float32_index, PackedFloat32ArrayOperatorIndex, "packed_float32_array_operator_index")           \
    X(packed_float64_index, PackedFloat64ArrayOperatorIndex, "packed_float64_array_operator_index")           \
    X(packed_byte_read, PackedByteArrayOperatorIndexConst, "packed_byte_array_operator_index_const")          \
    X(packed_int32_read, PackedInt32ArrayOperatorIndexConst, "packed_int32_array_operator_index_const")       \
    X(packed_int64_read, PackedInt64ArrayOperatorIndexConst, "packed_int64_array_operator_index_const")       \
    X(packed_float32_read, PackedFloat32ArrayOperatorIndexConst, "packed_float32_array_operator_index_const") \
    X(packed_float64_read, PackedFloat64ArrayOperatorIndexConst, "packed_float64_array_operator_index_const") \
    X(packed_string_index, PackedStringArrayOperatorIndex, "packed_string_array_operator_index")              \
    X(packed_string_read, PackedStringArrayOperatorIndexConst, "packed_string_array_operator_index_const")    \
    X(array_index, ArrayOperatorIndex, "array_operator_index")                                                \
    X(array_read, ArrayOperatorIndexConst, "array_operator_index_const")                                      \
    X(dictionary_index, DictionaryOperatorIndex, "dictionary_operator_index")                                 \
    X(dictionary_read, DictionaryOperatorIndexConst, "dictionary_operator_index_const")                       \
    X(object_set_instance, ObjectSetInstance, "object_set_instance")                                          \
    X(object_set_binding, ObjectSetInstanceBinding, "object_set_instance_binding")                            \
    X(object_get_binding, ObjectGetInstanceBinding, "object_get_instance_binding")                            \
    X(object_cast_to, ObjectCastTo, "object_cast_to")                                                         \
    X(object_destroy, ObjectDestroy, "object_destroy")                                                        \
    X(object_call, ObjectMethodBindPtrcall, "object_method_bind_ptrcall")                                     \
    X(get_method_bind, ClassdbGetMethodBind, "classdb_get_method_bind")                                       \
    X(get_class_tag, ClassdbGetClassTag, "classdb_get_class_tag")                                             \
    X(construct_object, ClassdbConstructObject2, "classdb_construct_object2")                                 \
    X(object_class_name, ObjectGetClassName, "object_get_class_name")                                         \
    X(object_of_id, ObjectGetInstanceFromId, "object_get_instance_from_id")                                   \
    X(ref_set_object, RefSetObject, "ref_set_object")                                                         \
    X(file_get_buffer, FileAccessGetBuffer, "file_access_get_buffer")                                         \
    X(image_data, ImagePtr, "image_ptr")                                                                      \
    X(register_class, ClassdbRegisterExtensionClass4, "classdb_register_extension_class4")                    \
    X(register_method, ClassdbRegisterExtensionClassMethod, "classdb_register_extension_class_method")        \
    X(unregister_class, ClassdbUnregisterExtensionClass, "classdb_unregister_extension_class")

/// Godot's functions, fetched once at start.
struct Interface {
#define GODOT_MEMBER(member, type, name) GDExtensionInterface##type member = nullptr;
    GODOT_INTERFACE(GODOT_MEMBER)
#undef GODOT_MEMBER
    GDExtensionClassLibraryPtr library = nullptr;
};

extern Interface api;

/// False when Godot lacks a function that we need (it is older than 4.4).
bool load_interface(GDExtensionInterfaceGetProcAddress get_proc_address, GDExtensionClassLibraryPtr library);

}  // namespace godot_executorch::godot
