# For an SDK without libraries: an import library that offers what our objects need of ExecuTorch and nothing else. It
# shows that everything of ours links; what was linked to it does not run.

add_custom_command(
  OUTPUT "${RUNTIME_STUB}"
  COMMAND "${Python_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/cmake/runtime_stub.py" --dlltool "${CMAKE_DLLTOOL}" --output
          "${RUNTIME_STUB}" $<TARGET_FILE:core> ${ADDON_OBJECTS}
  DEPENDS core ${ADDON_OBJECTS} "${CMAKE_SOURCE_DIR}/cmake/runtime_stub.py"
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(runtime_stub DEPENDS "${RUNTIME_STUB}")
