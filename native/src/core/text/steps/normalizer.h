#pragma once

#include <memory>
#include <vector>

#include "core/text/json/json_value.h"
#include "core/text/steps/aligned_text.h"

namespace godot_executorch::text {

/// Changes a text before it is divided: Unicode forms, lower case, accents, replacements.
class Normalizer {
  public:
    virtual ~Normalizer() = default;
    virtual Status apply(AlignedText& text) const = 0;
};

/// `made` becomes null when the file has none.
Status make_normalizer(const json::Value& value, std::unique_ptr<Normalizer>& made);

}  // namespace godot_executorch::text
