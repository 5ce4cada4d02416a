#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "model/platform.h"

int main(int argc, char** argv) {
    godot_executorch::install_platform(nullptr);
    return doctest::Context(argc, argv).run();
}
