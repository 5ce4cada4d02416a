# zig as the compiler of another system. ZIG_TOOLS is a folder with programs that call it: c++, ar, ranlib, rc, dlltool.
set(ZIG_TOOLS "" CACHE PATH "")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG_TOOLS)
set(CMAKE_CXX_COMPILER "${ZIG_TOOLS}/c++")
set(CMAKE_CXX_COMPILER_TARGET "${ZIG_TARGET}")
set(CMAKE_AR "${ZIG_TOOLS}/ar" CACHE FILEPATH "" FORCE)
set(CMAKE_RANLIB "${ZIG_TOOLS}/ranlib" CACHE FILEPATH "" FORCE)
set(CMAKE_RC_COMPILER "${ZIG_TOOLS}/rc" CACHE FILEPATH "" FORCE)
set(CMAKE_DLLTOOL "${ZIG_TOOLS}/dlltool" CACHE FILEPATH "" FORCE)
