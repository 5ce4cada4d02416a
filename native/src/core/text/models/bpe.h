#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/text/json/fields.h"
#include "core/text/models/model.h"

namespace godot_executorch::text {

/// Begins with characters and joins the pair that was learned first, again and again.
class Bpe : public Model {
  public:
    static Status make(const json::Value& value, json::Fields& fields, std::unique_ptr<Model>& made);
    Status tokenize(std::u32string_view piece, std::vector<ModelToken>& out) const override;

  private:
    struct Merge {
        uint32_t rank;
        int32_t joined;
    };
    Status read_merges(const json::Value& value);
    Status add_merge(const std::string& left, const std::string& right);
    void compute(std::u32string_view piece, std::vector<ModelToken>& out) const;
    std::vector<ModelToken> first_tokens(std::u32string_view piece) const;
    int32_t id_of(char32_t character, bool is_first, bool is_last) const;
    bool add_bytes(char32_t character, Span span, std::vector<ModelToken>& tokens) const;
    void join(std::vector<ModelToken>& tokens) const;

    std::unordered_map<uint64_t, Merge> merges_;        // by left id << 32 | right id
    std::unordered_map<char32_t, int32_t> characters_;  // tokens of one character, without prefix and suffix
    std::string prefix_;                                // of tokens that continue a word
    std::string suffix_;                                // of tokens that end a word
    int32_t unknown_ = kNoId;
    bool fuses_unknown_ = false;
    bool ignores_merges_ = false;
    bool byte_fallback_ = false;
    std::vector<int32_t> bytes_;
    mutable std::mutex cache_mutex_;
    mutable std::unordered_map<std::u32string, std::vector<ModelToken>> cache_;  // of short pieces
};

}  // namespace godot_executorch::text
