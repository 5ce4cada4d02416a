#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "core/text/decoder.h"
#include "core/text/encoding.h"
#include "core/text/models/model.h"
#include "core/text/post_processor.h"
#include "core/text/steps/added_tokens.h"
#include "core/text/steps/normalizer.h"
#include "core/text/steps/pre_tokenizer.h"

namespace godot_executorch::text {

/// How texts are encoded; a file has its own.
struct EncodeOptions {
    bool add_special = true;
    Truncation truncation;
    Padding padding;
};

/// A text, and for models that compare two a second one. UTF-8.
struct TextPair {
    std::string first;
    std::optional<std::string> second;
};

/// What a tokenizer.json describes. Does not change once it is loaded: several threads may use it at once.
class Tokenizer {
  public:
    /// Reads a file that nobody has checked.
    static Status load(std::string_view json, std::shared_ptr<const Tokenizer>& tokenizer);

    const EncodeOptions& defaults() const { return defaults_; }
    /// Pads all to one length when the options say so.
    Status encode(const std::vector<TextPair>& texts, const EncodeOptions& options, std::vector<Encoding>& out) const;
    /// Ids that the tokenizer does not have are left out.
    std::string decode(const std::vector<int64_t>& ids, bool skip_special) const;

    /// -1 when there is none.
    int32_t token_to_id(std::string_view token) const;
    /// Null when there is none.
    const std::string* id_to_token(int64_t id) const;
    /// One more than the largest id.
    int64_t vocabulary_size() const;

  private:
    Status read(const json::Value& value);
    Status read_truncation(const json::Value& value);
    Status read_padding(const json::Value& value);
    Status encode_one(const TextPair& text, const EncodeOptions& options, Encoding& out) const;
    Status encode_text(std::string_view text, int32_t type, Encoding& out) const;
    Status encode_part(AlignedText text, int32_t type, Encoding& out) const;
    Status encode_plain(AlignedText text, int32_t type, Encoding& out) const;
    Span trimmed(int32_t id, Span offset, bool is_first) const;

    EncodeOptions defaults_;
    AddedTokens added_;
    std::unique_ptr<Normalizer> normalizer_;
    std::unique_ptr<PreTokenizer> pre_tokenizer_;
    std::unique_ptr<Model> model_;
    std::unique_ptr<PostProcessor> post_processor_;
    std::unique_ptr<Decoder> decoder_;
    Trimming trimming_;
};

/// Decodes token by token: never half a character, and spaces as in the whole text.
class TokenStream {
  public:
    TokenStream(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special);
    /// What is new and complete; may be empty.
    std::string push(int64_t id);
    /// What is left, though it is not complete.
    std::string finish();

  private:
    std::string added_to(const std::string& text) const;

    const std::shared_ptr<const Tokenizer> tokenizer_;
    const bool skip_special_;
    std::vector<int64_t> ids_;  // of the last text that was returned, and the newer ones
    std::string prefix_;        // the text of the first ones
    size_t prefix_ids_ = 0;
};

}  // namespace godot_executorch::text
