#include "core/program/data/released_parts.h"

namespace godot_executorch {
namespace {

thread_local ReleasedParts* current = nullptr;

}  // namespace

ReleasedParts::ReleasedParts() : outer_(current) {
    current = this;
}

ReleasedParts::~ReleasedParts() {
    current = outer_;
}

void ReleasedParts::note(const ReleasedPart& part) {
    if (current != nullptr) {
        current->parts_.push_back(part);
    }
}

}  // namespace godot_executorch
