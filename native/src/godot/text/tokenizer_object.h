#pragma once

#include <memory>

#include "core/text/tokenizer.h"
#include "godot/binding/binding.h"

namespace godot_executorch::godot {

/// The class behind ExecuTorchTokenizer (addons/executorch/tasks/text): Tokenizer with Godot's values. Several threads
/// may call it at once.
class ExecuTorchNativeTokenizer {
  public:
    static constexpr const char* kName = "ExecuTorchNativeTokenizer";
    static void bind();

    explicit ExecuTorchNativeTokenizer(GDExtensionObjectPtr) {}

    /// Reads the bytes of a tokenizer.json. Empty on success, otherwise {code, name, cause, remedy}.
    Dictionary load(const PackedByteArray& json);
    /// {truncation: {max_length, strategy, direction}, padding: {enabled, length, multiple_of, direction, id}} of the
    /// file.
    Dictionary get_defaults() const;
    /// `texts`: Strings, or Arrays of two. Options as get_defaults() has them, and add_special_tokens. Returns
    /// {encodings: [{ids, type_ids, attention_mask, special_tokens_mask, offsets}]} or {error}.
    Dictionary encode(const Array& texts, const Dictionary& options) const;
    String decode(const PackedInt32Array& ids, bool skip_special) const;
    /// An ExecuTorchNativeTokenStream.
    ObjectRef decode_stream(bool skip_special) const;
    /// -1 when there is none.
    int64_t token_to_id(const String& token) const;
    /// Empty when there is none.
    String id_to_token(int64_t id) const;
    int64_t get_vocabulary_size() const;

  private:
    std::shared_ptr<const text::Tokenizer> tokenizer_;
};

/// Decodes one token after another. Of one thread.
class ExecuTorchNativeTokenStream {
  public:
    static constexpr const char* kName = "ExecuTorchNativeTokenStream";
    static void bind();

    explicit ExecuTorchNativeTokenStream(GDExtensionObjectPtr) {}

    void begin(std::shared_ptr<const text::Tokenizer> tokenizer, bool skip_special);
    String push(int64_t id);
    String finish();

  private:
    std::unique_ptr<text::TokenStream> stream_;
};

}  // namespace godot_executorch::godot
