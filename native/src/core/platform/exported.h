#pragma once

/// Marks what other programs find in our libraries; everything else is hidden.
#if defined(_WIN32)
#define GODOT_EXECUTORCH_EXPORT __declspec(dllexport)
#else
#define GODOT_EXECUTORCH_EXPORT __attribute__((visibility("default")))
#endif
