# The ExecuTorch that we build against: the wheel of the target, another folder of the same form, or an ExecuTorch that
# was built and installed.
#
# Sets EXECUTORCH_ROOT, EXECUTORCH_BUILD_VERSION, EXECUTORCH_INCLUDES, and COMPONENTS: those of the SDK that we use.
# HAS_RUNTIME is false for an SDK with headers only, which is what the wheel of Windows is.

set(EXECUTORCH_ROOT "" CACHE PATH "A wheel's package folder, or an installation; empty: the wheel of Python_EXECUTABLE")
set(EXECUTORCH_MINOR 1.5)
# The first one is linked by the others. What an SDK does not have is absent in what we build.
set(KNOWN_COMPONENTS runtime threadpool kernels_optimized kernels_quantized backend_xnnpack etdump backend_coreml backend_mlx)

find_package(Python REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND "${Python_EXECUTABLE}" -c
          "import importlib.util as u; print(u.find_spec('executorch').submodule_search_locations[0])"
  OUTPUT_VARIABLE EXECUTORCH_WHEEL OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE EXECUTORCH_MISSING)
if(EXECUTORCH_MISSING)
  message(FATAL_ERROR "${Python_EXECUTABLE} has no executorch: pip install -r requirements.txt")
endif()
if(NOT EXECUTORCH_ROOT)
  set(EXECUTORCH_ROOT "${EXECUTORCH_WHEEL}")
endif()

set(CONFIG_FOLDER "${EXECUTORCH_ROOT}/lib/cmake/executorch")
set(VERSION_HEADER "${EXECUTORCH_ROOT}/include/executorch/runtime/core/version.h")
if(EXISTS "${CONFIG_FOLDER}/executorch-config-version.cmake")
  file(STRINGS "${CONFIG_FOLDER}/executorch-config-version.cmake" VERSION_LINE REGEX "^set\\(EXECUTORCH_BUILD_VERSION")
elseif(EXISTS "${VERSION_HEADER}")
  set(CONFIG_FOLDER "${EXECUTORCH_ROOT}/lib/cmake/ExecuTorch")
  file(STRINGS "${VERSION_HEADER}" VERSION_LINE REGEX "#define ET_VERSION \"")
else()
  message(FATAL_ERROR "${EXECUTORCH_ROOT} is neither an ExecuTorch wheel nor an installed ExecuTorch")
endif()
string(REGEX MATCH "\"([^\"]+)\"" VERSION_LINE "${VERSION_LINE}")
set(EXECUTORCH_BUILD_VERSION "${CMAKE_MATCH_1}")
if(NOT EXECUTORCH_BUILD_VERSION MATCHES "^${EXECUTORCH_MINOR}[.]")
  message(FATAL_ERROR "The SDK in ${EXECUTORCH_ROOT} is ExecuTorch ${EXECUTORCH_BUILD_VERSION}; "
                      "this addon is for ExecuTorch ${EXECUTORCH_MINOR}")
endif()
find_package(executorch CONFIG QUIET PATHS "${CONFIG_FOLDER}" NO_DEFAULT_PATH)
if(TARGET executorch_core)
  include(cmake/installed_sdk.cmake)
endif()

if(TARGET executorch::runtime)
  set(HAS_RUNTIME TRUE)
  set(COMPONENTS)
  foreach(COMPONENT ${KNOWN_COMPONENTS})
    if(TARGET executorch::${COMPONENT})
      list(APPEND COMPONENTS ${COMPONENT})
      # The targets carry the wheel's own folder as a run-time search path; an exported game must not look there.
      get_target_property(OPTIONS executorch::${COMPONENT} INTERFACE_LINK_OPTIONS)
      if(OPTIONS)
        list(FILTER OPTIONS EXCLUDE REGEX "rpath")
        set_target_properties(executorch::${COMPONENT} PROPERTIES INTERFACE_LINK_OPTIONS "${OPTIONS}")
      endif()
    endif()
  endforeach()
elseif(WIN32)
  set(HAS_RUNTIME FALSE)
  set(COMPONENTS runtime)
  add_library(executorch::runtime INTERFACE IMPORTED)
  set_target_properties(
    executorch::runtime
    PROPERTIES INTERFACE_INCLUDE_DIRECTORIES
               "${EXECUTORCH_ROOT}/include;${EXECUTORCH_ROOT}/include/executorch/runtime/core/portable_type/c10"
               INTERFACE_COMPILE_DEFINITIONS
               "C10_USING_CUSTOM_GENERATED_MACROS;ET_EVENT_TRACER_ENABLED;ET_USE_THREADPOOL")
else()
  message(FATAL_ERROR "The SDK in ${EXECUTORCH_ROOT} has no libexecutorch for ${CMAKE_SYSTEM_NAME}")
endif()
list(TRANSFORM COMPONENTS PREPEND executorch:: OUTPUT_VARIABLE COMPONENT_TARGETS)

# Headers that are not ours do not answer to our warnings.
get_target_property(EXECUTORCH_INCLUDES executorch::runtime INTERFACE_INCLUDE_DIRECTORIES)
