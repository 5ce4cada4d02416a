#include "core/text/tokenizer.h"

#include <algorithm>

#include "core/text/json/fields.h"
#include "core/text/unicode/characters.h"

namespace godot_executorch::text {

Status Tokenizer::load(std::string_view json, std::shared_ptr<const Tokenizer>& tokenizer) {
    json::Value value;
    Status status = json::parse(json, value);
    const auto made = std::make_shared<Tokenizer>();
    status = status.ok() ? made->read(value) : std::move(status);
    if (status.ok()) {
        tokenizer = made;
    }
    return std::move(status).within("tokenizer.json: ");
}

Status Tokenizer::read(const json::Value& value) {
    json::Fields fields(value, "the file");
    const json::Value& added = fields.of("added_tokens", json::Type::Array);
    if (!fields.ok()) {
        return fields.take_status();
    }
    Status status = make_normalizer(value["normalizer"], normalizer_);
    status = status.ok() ? make_pre_tokenizer(value["pre_tokenizer"], pre_tokenizer_) : std::move(status);
    status = status.ok() ? make_model(value["model"], model_) : std::move(status);
    status = status.ok() ? make_post_processor(value["post_processor"], post_processor_) : std::move(status);
    status = status.ok() ? make_decoder(value["decoder"], decoder_) : std::move(status);
    status = status.ok() ? added_.read(added, normalizer_.get()) : std::move(status);
    status = status.ok() ? read_truncation(value["truncation"]) : std::move(status);
    trimming_ = read_trimming(value["post_processor"]);
    return status.ok() ? read_padding(value["padding"]) : std::move(status);
}

Status Tokenizer::read_truncation(const json::Value& value) {
    if (value.is_null()) {
        return {};
    }
    json::Fields fields(value, "truncation");
    const std::string strategy = fields.string("strategy", "LongestFirst");
    Truncation& truncation = defaults_.truncation;
    truncation.most = static_cast<size_t>(fields.integer("max_length", 0));
    truncation.removes_left = fields.string("direction", "Right") == "Left";
    truncation.strategy = strategy == "OnlyFirst"    ? Truncation::Strategy::OnlyFirst
                          : strategy == "OnlySecond" ? Truncation::Strategy::OnlySecond
                                                     : Truncation::Strategy::LongestFirst;
    return fields.take_status();
}

Status Tokenizer::read_padding(const json::Value& value) {
    if (value.is_null()) {
        return {};
    }
    constexpr int64_t kMostPadding = 1 << 20;
    json::Fields fields(value, "padding");
    Padding& padding = defaults_.padding;
    padding.enabled = true;
    const json::Value& fixed = value["strategy"]["Fixed"];
    padding.fixed = static_cast<size_t>(std::max<int64_t>(0, json::whole_number(fixed, kMostPadding)));
    padding.multiple = static_cast<size_t>(fields.integer("pad_to_multiple_of", 0, 0, kMostPadding));
    padding.on_left = fields.string("direction", "Right") == "Left";
    padding.id = static_cast<int32_t>(fields.integer("pad_id", 0));
    padding.type = static_cast<int32_t>(fields.integer("pad_type_id", 0));
    return fields.take_status();
}

Status Tokenizer::encode(const std::vector<TextPair>& texts, const EncodeOptions& options,
                         std::vector<Encoding>& out) const {
    for (const TextPair& text : texts) {
        Status status = encode_one(text, options, out.emplace_back());
        if (!status.ok()) {
            return status;
        }
    }
    options.padding.apply(out);
    return {};
}

Status Tokenizer::encode_one(const TextPair& text, const EncodeOptions& options, Encoding& out) const {
    std::vector<Encoding> encodings(text.second.has_value() ? 2 : 1);
    Status status = encode_text(text.first, 0, encodings[0]);
    if (status.ok() && text.second.has_value()) {
        status = encode_text(*text.second, 1, encodings[1]);
    }
    if (!status.ok()) {
        return status;
    }
    Encoding* const pair = encodings.size() > 1 ? &encodings[1] : nullptr;
    const bool adds = options.add_special && post_processor_ != nullptr;
    if (!options.truncation.apply(encodings[0], pair, adds ? post_processor_->added(pair != nullptr) : 0)) {
        return Status(Code::InvalidOption,
                      "truncation: the text that may be shortened is not long enough to come down to " +
                          std::to_string(options.truncation.most) + " tokens");
    }
    if (post_processor_ != nullptr) {
        post_processor_->apply(encodings, options.add_special);
    }
    for (const Encoding& encoding : encodings) {
        out.append(encoding);
    }
    return {};
}

Status Tokenizer::encode_text(std::string_view text, int32_t type, Encoding& out) const {
    const std::u32string characters = unicode::from_utf8(text);
    Status status = check_size(characters.size());
    if (!status.ok()) {
        return status;
    }
    for (const TextPart& part : added_.divide(characters, false)) {
        if (part.token != nullptr) {
            out.add(part.token->id, type, part.span, false);
            continue;
        }
        const std::u32string_view plain = std::u32string_view(characters).substr(part.span.begin, part.span.size());
        status = encode_part(AlignedText(plain, part.span.begin), type, out);
        if (!status.ok()) {
            return status;
        }
    }
    if (trimming_.enabled) {
        for (size_t i = 0; i < out.size(); ++i) {
            out.offsets[i] = trimmed(out.ids[i], out.offsets[i], i == 0 || out.offsets[i].begin == 0);
        }
    }
    return {};
}

/// A part without the tokens that are looked for first: normalizes it, and looks for the others.
Status Tokenizer::encode_part(AlignedText text, int32_t type, Encoding& out) const {
    if (normalizer_ != nullptr) {
        Status status = normalizer_->apply(text);
        if (!status.ok()) {
            return status;
        }
    }
    const std::vector<TextPart> parts = added_.divide(text.characters, true);
    if (parts.size() == 1 && parts[0].token == nullptr) {
        return encode_plain(std::move(text), type, out);
    }
    for (const TextPart& part : parts) {
        if (part.token != nullptr) {
            out.add(part.token->id, type, text.origin_of(part.span), false);
            continue;
        }
        AlignedText plain;
        for (uint32_t i = part.span.begin; i < part.span.end; ++i) {
            plain.add(text.characters[i], text.origins[i]);
        }
        Status status = encode_plain(std::move(plain), type, out);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

Status Tokenizer::encode_plain(AlignedText text, int32_t type, Encoding& out) const {
    Pieces pieces;
    pieces.spans = {{0, text.size()}};
    pieces.text = std::move(text);
    Status status = pre_tokenizer_ != nullptr ? pre_tokenizer_->apply(pieces) : Status();
    std::vector<ModelToken> tokens;
    for (size_t i = 0; i < pieces.spans.size() && status.ok(); ++i) {
        const Span piece = pieces.spans[i];
        if (piece.size() == 0) {
            continue;
        }
        tokens.clear();
        status = model_->tokenize(pieces.piece(piece), tokens);
        for (const ModelToken& token : tokens) {
            const Span span{piece.begin + token.span.begin, piece.begin + token.span.end};
            out.add(token.id, type, pieces.text.origin_of(span), false);
        }
    }
    return status;
}

/// The offset without the spaces that the token begins and ends with.
Span Tokenizer::trimmed(int32_t id, Span offset, bool is_first) const {
    const std::string* const token = id_to_token(id);
    const std::u32string characters = token != nullptr ? unicode::from_utf8(*token) : std::u32string();
    const auto is_space = [](char32_t character) {
        return character == byte_characters()[' '] || unicode::is_whitespace(character);
    };
    auto leading =
        static_cast<uint32_t>(std::find_if_not(characters.begin(), characters.end(), is_space) - characters.begin());
    const auto trailing =
        static_cast<uint32_t>(std::find_if_not(characters.rbegin(), characters.rend(), is_space) - characters.rbegin());
    // More than one space is not what was put before the text.
    if (leading == 1 && is_first && trimming_.keeps_prefix) {
        leading = 0;
    }
    offset.begin = std::min(offset.begin + leading, offset.end);
    if (trailing > 0 && offset.end >= trailing) {
        offset.end = std::max(offset.end - trailing, offset.begin);
    }
    return offset;
}

std::string Tokenizer::decode(const std::vector<int64_t>& ids, bool skip_special) const {
    std::vector<std::string> tokens;
    for (const int64_t id : ids) {
        const AddedToken* const added = added_.of_id(id);
        const std::string* const token = id_to_token(id);
        if (token != nullptr && !(skip_special && added != nullptr && added->special)) {
            tokens.push_back(*token);
        }
    }
    if (decoder_ != nullptr) {
        decoder_->apply(tokens);
    }
    std::string text;
    for (size_t i = 0; i < tokens.size(); ++i) {
        text += (i > 0 && decoder_ == nullptr ? " " : "") + tokens[i];
    }
    return text;
}

int32_t Tokenizer::token_to_id(std::string_view token) const {
    const int32_t added = added_.find(token);
    return added >= 0 ? added : model_->vocabulary().find(token);
}

const std::string* Tokenizer::id_to_token(int64_t id) const {
    const AddedToken* const added = added_.of_id(id);
    return added != nullptr ? &added->bytes : model_->vocabulary().token(id);
}

int64_t Tokenizer::vocabulary_size() const {
    int64_t size = model_->vocabulary().end_id();
    for (const AddedToken& token : added_.all()) {
        size = std::max<int64_t>(size, token.id + 1);
    }
    return size;
}

}  // namespace godot_executorch::text
