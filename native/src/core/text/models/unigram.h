#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/text/json/fields.h"
#include "core/text/models/model.h"

namespace godot_executorch::text {

/// Finds the tokens whose scores have the largest sum.
class Unigram : public Model {
  public:
    static Status make(json::Fields& fields, std::unique_ptr<Model>& made);
    Status tokenize(std::u32string_view piece, std::vector<ModelToken>& out) const override;

  private:
    struct Step;
    Status read_scores(const json::Value& value);
    std::vector<Step> best_steps(const std::string& bytes) const;
    Status add_unknown(std::string_view bytes, Span span, std::vector<ModelToken>& out) const;

    std::vector<double> scores_;  // by index in the file
    double smallest_score_ = 0;
    int32_t unknown_ = kNoId;
    bool byte_fallback_ = false;
    bool float32_scores_ = false;  // sums are rounded as SentencePiece's are
    std::vector<int32_t> bytes_;
};

}  // namespace godot_executorch::text
