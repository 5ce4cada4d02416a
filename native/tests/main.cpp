#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "core/runtime/hooks.h"

int main(int argc, char** argv) {
    godot_executorch::install_hooks(nullptr);
    return doctest::Context(argc, argv).run();
}
