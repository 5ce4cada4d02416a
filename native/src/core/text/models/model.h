#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "core/text/json/json_value.h"
#include "core/text/models/vocabulary.h"
#include "core/text/steps/aligned_text.h"

namespace godot_executorch::text {

/// A token of a piece, and the characters of the piece that it stands for.
struct ModelToken {
    int32_t id;
    Span span;
};

/// Divides one piece into tokens of a vocabulary. Several threads may call it at once.
class Model {
  public:
    virtual ~Model() = default;
    /// Appends to `out`; a piece is never empty.
    virtual Status tokenize(std::u32string_view piece, std::vector<ModelToken>& out) const = 0;
    const Vocabulary& vocabulary() const { return vocabulary_; }

  protected:
    Vocabulary vocabulary_;
};

Status make_model(const json::Value& value, std::unique_ptr<Model>& made);

/// Reads `{"token": id}`.
Status read_vocabulary(const json::Value& value, Vocabulary& vocabulary);
/// The ids of <0x00> to <0xFF>; kNoId where the vocabulary has none.
std::vector<int32_t> byte_tokens(const Vocabulary& vocabulary);

}  // namespace godot_executorch::text
