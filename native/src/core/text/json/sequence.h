#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/text/json/fields.h"

namespace godot_executorch::json {

/// Makes a Sequence of the parts that the array `name` lists, in their order. A part that `make` leaves empty, such as
/// null in the file, is left out. Fails with the first part that cannot be made.
template <typename Sequence, typename Part>
Status make_sequence(Fields& fields, const char* name, Status (*make)(const Value&, std::unique_ptr<Part>&),
                     std::unique_ptr<Part>& made) {
    std::vector<std::unique_ptr<Part>> parts;
    for (const Value& value : fields.of(name, Type::Array, true).array) {
        std::unique_ptr<Part> part;
        Status status = make(value, part);
        if (!status.ok()) {
            return status;
        }
        if (part != nullptr) {
            parts.push_back(std::move(part));
        }
    }
    made = std::make_unique<Sequence>(std::move(parts));
    return {};
}

}  // namespace godot_executorch::json
