set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(ZIG_TARGET aarch64-macos.14.0) # the oldest system that the wheel is for
include("${CMAKE_CURRENT_LIST_DIR}/zig.cmake")
# CMake looks for it, and would call it for what is installed; nothing is.
set(CMAKE_INSTALL_NAME_TOOL "${ZIG_TOOLS}/c++" CACHE FILEPATH "" FORCE)
