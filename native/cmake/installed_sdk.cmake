# An ExecuTorch that was built from source and installed: archives under bare names. They become one shared library, which
# all libraries of the addon share, with the targets of the wheel: a registry of operators must exist once.

set(PARTS executorch executorch_core)
foreach(
  PART
  extension_data_loader extension_flat_tensor extension_named_data_map extension_module_static extension_tensor
  extension_threadpool etdump quantized_ops_lib xnnpack_backend vulkan_backend coremldelegate mlxdelegate mpsdelegate
  qnn_executorch_backend openvino_backend)
  if(TARGET ${PART})
    list(APPEND PARTS ${PART})
  endif()
endforeach()
# Each of them registers all operators.
set(HAS_KERNELS FALSE)
foreach(PART optimized_native_cpu_ops_lib optimized_ops_lib portable_ops_lib)
  if(TARGET ${PART} AND NOT HAS_KERNELS)
    list(APPEND PARTS ${PART})
    set(HAS_KERNELS TRUE)
  endif()
endforeach()
if(NOT HAS_KERNELS)
  message(FATAL_ERROR "The ExecuTorch in ${EXECUTORCH_ROOT} has no kernels that register themselves (portable_ops_lib)")
endif()

file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/installed_sdk.cpp" "")
add_library(installed_sdk SHARED "${CMAKE_CURRENT_BINARY_DIR}/installed_sdk.cpp")
set_target_properties(installed_sdk PROPERTIES OUTPUT_NAME executorch)
foreach(PART ${PARTS})
  # What nothing names, such as an operator that registers itself, would be left out; their own options would add it twice.
  set_target_properties(${PART} PROPERTIES INTERFACE_LINK_OPTIONS "")
  if(APPLE)
    target_link_options(installed_sdk PRIVATE "SHELL:-Wl,-force_load,$<TARGET_FILE:${PART}>")
  else()
    target_link_options(
      installed_sdk PRIVATE "SHELL:-Wl,--whole-archive $<TARGET_FILE:${PART}> -Wl,--no-whole-archive")
  endif()
endforeach()
target_link_libraries(installed_sdk PRIVATE ${PARTS})
# An installation leaves out some headers, such as those of the event tracer. The wheel has all of them.
target_include_directories(installed_sdk INTERFACE ${EXECUTORCH_INCLUDE_DIRS} "${EXECUTORCH_WHEEL}/include")
target_compile_definitions(installed_sdk INTERFACE C10_USING_CUSTOM_GENERATED_MACROS)
foreach(PART etdump extension_threadpool)
  if(TARGET ${PART})
    get_target_property(DEFINITIONS ${PART} INTERFACE_COMPILE_DEFINITIONS)
    if(DEFINITIONS)
      target_compile_definitions(installed_sdk INTERFACE ${DEFINITIONS})
    endif()
  endif()
endforeach()
add_library(executorch::runtime ALIAS installed_sdk)
if(TARGET etdump)
  add_library(executorch::etdump ALIAS installed_sdk)
endif()
set(KNOWN_COMPONENTS runtime)
