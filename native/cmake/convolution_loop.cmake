# The addon's copy of XNNPACK has a faster innermost loop of convolutions on x86: xnnpack/convolution_loop.s says why.
# It is taken out of COMPONENTS, whose libraries are copied as they are.

if("backend_xnnpack" IN_LIST COMPONENTS AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  enable_language(ASM)
  list(REMOVE_ITEM COMPONENTS backend_xnnpack)
  add_library(convolution_loop OBJECT xnnpack/convolution_loop.s)
  add_dependencies(godot_executorch convolution_loop)
  add_custom_command(
    TARGET godot_executorch POST_BUILD
    COMMAND "${Python_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/xnnpack/replace_loop.py" "${CMAKE_OBJCOPY}"
            $<TARGET_OBJECTS:convolution_loop> "$<TARGET_FILE:executorch::backend_xnnpack>" "${ADDON_BIN_DIR}/libexecutorch_backend_xnnpack.so"
    VERBATIM)
endif()
