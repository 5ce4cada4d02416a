#pragma once

#include <memory>
#include <string>

#include "core/text/json/fields.h"
#include "core/text/models/model.h"

namespace godot_executorch::text {

/// Takes the longest token again and again; a word that does not come out is one unknown token.
class WordPiece : public Model {
  public:
    static Status make(const json::Value& value, json::Fields& fields, std::unique_ptr<Model>& made);
    Status tokenize(std::u32string_view piece, std::vector<ModelToken>& out) const override;

  private:
    bool divide(std::u32string_view piece, std::vector<ModelToken>& out) const;

    int32_t unknown_ = kNoId;
    std::string prefix_;
    size_t most_characters_ = 100;
};

}  // namespace godot_executorch::text
