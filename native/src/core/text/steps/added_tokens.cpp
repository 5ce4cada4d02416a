#include "core/text/steps/added_tokens.h"

#include "core/text/json/fields.h"
#include "core/text/unicode/characters.h"

namespace godot_executorch::text {
namespace {

constexpr size_t kMostTokens = size_t{1} << 18;
constexpr int64_t kLargestId = (int64_t{1} << 22) - 1;

AddedToken read_token(json::Fields& fields) {
    AddedToken token;
    token.id = static_cast<int32_t>(fields.integer("id", -1, 0, kLargestId));
    token.bytes = fields.required_string("content");
    token.content = unicode::from_utf8(token.bytes);
    token.special = fields.boolean("special", false);
    token.single_word = fields.boolean("single_word", false);
    token.strip_left = fields.boolean("lstrip", false);
    token.strip_right = fields.boolean("rstrip", false);
    token.normalized = fields.boolean("normalized", !token.special);
    if (token.id < 0) {
        fields.fail("id is missing");
    }
    if (token.content.size() > TextIndex::kLongest) {
        fields.fail("the content has more than " + std::to_string(TextIndex::kLongest) + " characters");
    }
    return token;
}

}  // namespace

Status AddedTokens::read(const json::Value& value, const Normalizer* normalizer) {
    if (value.array.size() > kMostTokens) {
        return Status(Code::TokenizerInvalid, "added_tokens: more than " + std::to_string(kMostTokens));
    }
    for (const json::Value& entry : value.array) {
        json::Fields fields(entry, "added_tokens[" + std::to_string(tokens_.size()) + "]");
        AddedToken token = read_token(fields);
        if (!fields.ok()) {
            return fields.take_status();
        }
        std::u32string wanted = token.content;
        if (token.normalized && normalizer != nullptr) {
            AlignedText text(wanted, 0);
            Status status = normalizer->apply(text);
            if (!status.ok()) {
                return status;
            }
            wanted = text.characters;
        }
        (token.normalized ? normalized_ : raw_).add(wanted, tokens_.size());
        by_id_[token.id] = tokens_.size();
        by_bytes_[token.bytes] = tokens_.size();
        tokens_.push_back(std::move(token));
    }
    return {};
}

std::vector<TextPart> AddedTokens::divide(std::u32string_view text, bool normalized) const {
    const TextIndex& index = normalized ? normalized_ : raw_;
    std::vector<TextPart> parts;
    size_t from = 0;
    for (size_t at = 0; at < text.size() && !index.empty();) {
        size_t length = 0;
        const size_t* const found = index.longest_at(text, at, length);
        const AddedToken* const token = found != nullptr ? &tokens_[*found] : nullptr;
        size_t begin = at;
        size_t end = at + length;
        at = token != nullptr ? end : at + 1;
        if (token == nullptr || begin < from ||
            !stands_alone(*token, text, {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)})) {
            continue;
        }
        while (token->strip_left && begin > from && unicode::is_whitespace(text[begin - 1])) {
            --begin;
        }
        while (token->strip_right && end < text.size() && unicode::is_whitespace(text[end])) {
            ++end;
        }
        if (begin > from) {
            parts.push_back({{static_cast<uint32_t>(from), static_cast<uint32_t>(begin)}, nullptr});
        }
        parts.push_back({{static_cast<uint32_t>(begin), static_cast<uint32_t>(end)}, token});
        from = end;
    }
    if (from < text.size()) {
        parts.push_back({{static_cast<uint32_t>(from), static_cast<uint32_t>(text.size())}, nullptr});
    }
    return parts;
}

const AddedToken* AddedTokens::of_id(int64_t id) const {
    const auto found = by_id_.find(id);
    return found != by_id_.end() ? &tokens_[found->second] : nullptr;
}

int32_t AddedTokens::find(std::string_view bytes) const {
    const auto found = by_bytes_.find(std::string(bytes));
    return found != by_bytes_.end() ? tokens_[found->second].id : -1;
}

bool AddedTokens::stands_alone(const AddedToken& token, std::u32string_view text, Span span) {
    const bool begins = span.begin == 0 || !unicode::is_word(text[span.begin - 1]);
    const bool ends = span.end == text.size() || !unicode::is_word(text[span.end]);
    return !token.single_word || (begins && ends);
}

}  // namespace godot_executorch::text
