#include "core/text/models/wordpiece.h"

#include "core/text/unicode/characters.h"

namespace godot_executorch::text {

Status WordPiece::make(const json::Value& value, json::Fields& fields, std::unique_ptr<Model>& made) {
    auto model = std::make_unique<WordPiece>();
    Status status = read_vocabulary(value["vocab"], model->vocabulary_);
    if (!status.ok()) {
        return status;
    }
    model->prefix_ = fields.string("continuing_subword_prefix", "##");
    model->most_characters_ = static_cast<size_t>(fields.integer("max_input_chars_per_word", 100));
    model->unknown_ = model->vocabulary_.find(fields.string("unk_token", "[UNK]"));
    made = std::move(model);
    return {};
}

Status WordPiece::tokenize(std::u32string_view piece, std::vector<ModelToken>& out) const {
    const size_t size_before = out.size();
    if (piece.size() <= most_characters_ && divide(piece, out)) {
        return {};
    }
    out.resize(size_before);
    if (unknown_ == kNoId) {
        return Status(Code::TokenizerInvalid, "model: a word is not in the vocabulary, and neither is unk_token");
    }
    out.push_back({unknown_, {0, static_cast<uint32_t>(piece.size())}});
    return {};
}

bool WordPiece::divide(std::u32string_view piece, std::vector<ModelToken>& out) const {
    std::string bytes;
    std::vector<size_t> ends;  // of each character, in bytes
    for (const char32_t character : piece) {
        unicode::append_utf8(character, bytes);
        ends.push_back(bytes.size());
    }
    for (size_t begin = 0; begin < piece.size();) {
        const std::string_view prefix = begin > 0 ? std::string_view(prefix_) : std::string_view();
        const size_t first_byte = begin > 0 ? ends[begin - 1] : 0;
        Vocabulary::Hash hash;
        hash.add(prefix);
        int32_t best = kNoId;
        size_t best_end = begin;
        for (size_t end = begin; end < piece.size(); ++end) {
            const size_t length = ends[end] - first_byte;
            if (prefix.size() + length > vocabulary_.longest()) {
                break;
            }
            const size_t last = end > begin ? ends[end - 1] : first_byte;
            hash.add(std::string_view(bytes).substr(last, ends[end] - last));
            const int32_t id = vocabulary_.find_parts(prefix, std::string_view(bytes).substr(first_byte, length), hash);
            if (id != kNoId) {
                best = id;
                best_end = end + 1;
            }
        }
        if (best == kNoId) {
            return false;
        }
        out.push_back({best, {static_cast<uint32_t>(begin), static_cast<uint32_t>(best_end)}});
        begin = best_end;
    }
    return true;
}

}  // namespace godot_executorch::text
