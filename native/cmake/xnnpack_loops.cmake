# The addon's copy of XNNPACK has faster innermost loops on x86: xnnpack/loops.s says why. It is taken out of COMPONENTS,
# whose libraries are copied as they are.

if("backend_xnnpack" IN_LIST COMPONENTS AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  enable_language(ASM)
  list(REMOVE_ITEM COMPONENTS backend_xnnpack)
  add_library(xnnpack_loops OBJECT xnnpack/loops.s)
  set(XNNPACK_COPY "${ADDON_BIN_DIR}/libexecutorch_backend_xnnpack.so")
  add_custom_command(
    OUTPUT "${XNNPACK_COPY}"
    COMMAND "${Python_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/xnnpack/replace_loops.py" "${CMAKE_OBJCOPY}"
            $<TARGET_OBJECTS:xnnpack_loops> "$<TARGET_FILE:executorch::backend_xnnpack>" "${XNNPACK_COPY}"
    DEPENDS xnnpack/replace_loops.py xnnpack_loops $<TARGET_OBJECTS:xnnpack_loops> "$<TARGET_FILE:executorch::backend_xnnpack>"
    VERBATIM)
  add_custom_target(xnnpack_copy ALL DEPENDS "${XNNPACK_COPY}")
  add_dependencies(godot_executorch xnnpack_copy)
  set_property(GLOBAL APPEND PROPERTY ADDON_FILES libexecutorch_backend_xnnpack.so)
endif()
