# Debian's cross compiler (g++-aarch64-linux-gnu): the wheel's libraries speak libstdc++'s std::__cxx11::string.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
