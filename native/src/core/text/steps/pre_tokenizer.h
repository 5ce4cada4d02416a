#pragma once

#include <array>
#include <memory>

#include "core/text/json/json_value.h"
#include "core/text/steps/aligned_text.h"

namespace godot_executorch::text {

/// Divides a normalized text into the pieces that the model looks at one by one.
class PreTokenizer {
  public:
    virtual ~PreTokenizer() = default;
    virtual Status apply(Pieces& pieces) const = 0;
};

/// `made` becomes null when the file has none.
Status make_pre_tokenizer(const json::Value& value, std::unique_ptr<PreTokenizer>& made);

/// The printable character that stands for each byte in byte-level BPE.
const std::array<char32_t, 256>& byte_characters();

}  // namespace godot_executorch::text
