#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/text/json/json_value.h"

namespace godot_executorch::text {

/// Turns tokens into the text that they stand for.
class Decoder {
  public:
    virtual ~Decoder() = default;
    virtual void apply(std::vector<std::string>& tokens) const = 0;
};

/// `made` becomes null when the file has none.
Status make_decoder(const json::Value& value, std::unique_ptr<Decoder>& made);

}  // namespace godot_executorch::text
