// Included before everything that is built for Linux, so that the libraries load with the glibc that ExecuTorch's wheel
// asks for (2.28): these functions have moved between glibc's libraries since and got a newer version by that, no more.
#pragma once

#if defined(__x86_64__)
#define GODOT_EXECUTORCH_OLD_VERSION "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define GODOT_EXECUTORCH_OLD_VERSION "GLIBC_2.17"
#endif

#if defined(GODOT_EXECUTORCH_OLD_VERSION)
#define GODOT_EXECUTORCH_USE_OLD(name) __asm__(".symver " #name "," #name "@" GODOT_EXECUTORCH_OLD_VERSION)
GODOT_EXECUTORCH_USE_OLD(dlerror);
GODOT_EXECUTORCH_USE_OLD(dlopen);
GODOT_EXECUTORCH_USE_OLD(dlsym);
GODOT_EXECUTORCH_USE_OLD(pthread_mutex_trylock);
GODOT_EXECUTORCH_USE_OLD(pthread_once);
#endif
