# addon_library(NAME OUTPUT SOURCES...): a shared library of ours in the addon's folder, which finds what it needs beside
# itself and nothing anywhere else. The global property ADDON_FILES has the names of all files in that folder.

if(APPLE)
  set(OWN_FOLDER "@loader_path")
else()
  set(OWN_FOLDER "$ORIGIN")
endif()
if(WIN32)
  set(CMAKE_SHARED_LIBRARY_PREFIX "")
endif()
set(ADDON_OBJECTS)

function(addon_library NAME OUTPUT)
  add_library(${NAME}_objects OBJECT ${ARGN})
  target_include_directories(${NAME}_objects PRIVATE src)
  target_include_directories(${NAME}_objects SYSTEM PRIVATE ${EXECUTORCH_INCLUDES})
  target_compile_options(${NAME}_objects PRIVATE ${WARNINGS})
  target_link_libraries(${NAME}_objects PRIVATE executorch::runtime)
  add_library(${NAME} SHARED $<TARGET_OBJECTS:${NAME}_objects>)
  set_target_properties(
    ${NAME} PROPERTIES OUTPUT_NAME ${OUTPUT} LINKER_LANGUAGE CXX BUILD_WITH_INSTALL_RPATH ON
                       INSTALL_RPATH "${OWN_FOLDER}" INSTALL_RPATH_USE_LINK_PATH OFF
                       LIBRARY_OUTPUT_DIRECTORY "${ADDON_BIN_DIR}" RUNTIME_OUTPUT_DIRECTORY "${ADDON_BIN_DIR}")
  target_link_libraries(${NAME} PRIVATE executorch::runtime)
  set_property(GLOBAL APPEND PROPERTY ADDON_FILES $<TARGET_FILE_NAME:${NAME}>)
  if(NOT HAS_RUNTIME)
    add_dependencies(${NAME} runtime_stub)
    target_link_libraries(${NAME} PRIVATE "${RUNTIME_STUB}")
  endif()
  set(ADDON_OBJECTS ${ADDON_OBJECTS} $<TARGET_OBJECTS:${NAME}_objects> PARENT_SCOPE)
endfunction()
