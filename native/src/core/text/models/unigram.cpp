#include "core/text/models/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text/unicode/characters.h"

namespace godot_executorch::text {

namespace {

constexpr double kUnknownPenalty = 10;
constexpr size_t kNowhere = static_cast<size_t>(-1);

}  // namespace

/// The best way to reach a byte: by which token, and from where.
struct Unigram::Step {
    double score = 0;
    size_t from = kNowhere;
    int32_t id = kNoId;
};

Status Unigram::make(json::Fields& fields, std::unique_ptr<Model>& made) {
    auto model = std::make_unique<Unigram>();
    Status status = model->read_scores(fields.of("vocab", json::Type::Array, true));
    if (!status.ok()) {
        return status;
    }
    model->unknown_ = static_cast<int32_t>(fields.integer("unk_id", kNoId));
    if (model->unknown_ != kNoId && model->vocabulary_.token(model->unknown_) == nullptr) {
        fields.fail("unk_id " + std::to_string(model->unknown_) + " is not in the vocabulary");
    }
    model->byte_fallback_ = fields.boolean("byte_fallback", false);
    model->float32_scores_ = fields.boolean("float32_scores", false);
    model->bytes_ = byte_tokens(model->vocabulary_);
    made = std::move(model);
    return {};
}

Status Unigram::read_scores(const json::Value& value) {
    for (const json::Value& entry : value.array) {
        const bool is_pair = entry.array.size() == 2 && entry.array[0].type == json::Type::String &&
                             entry.array[1].type == json::Type::Number && std::isfinite(entry.array[1].number);
        if (!is_pair) {
            return Status(Code::TokenizerInvalid,
                          "model.vocab: expected [token, score] at index " + std::to_string(scores_.size()));
        }
        Status status = vocabulary_.add(entry.array[0].string, static_cast<int64_t>(scores_.size()));
        if (!status.ok()) {
            return status;
        }
        scores_.push_back(entry.array[1].number);
        smallest_score_ = scores_.size() == 1 ? scores_[0] : std::min(smallest_score_, scores_.back());
    }
    return {};
}

Status Unigram::tokenize(std::u32string_view piece, std::vector<ModelToken>& out) const {
    std::string bytes;
    std::vector<uint32_t> character_at;  // of each byte, and of the end
    for (uint32_t i = 0; i < piece.size(); ++i) {
        unicode::append_utf8(piece[i], bytes);
        character_at.resize(bytes.size(), i);
    }
    character_at.push_back(static_cast<uint32_t>(piece.size()));
    const std::vector<Step> steps = best_steps(bytes);
    std::vector<size_t> ends;
    for (size_t end = bytes.size(); end > 0; end = steps[end].from) {
        ends.push_back(end);
    }
    std::reverse(ends.begin(), ends.end());
    for (size_t i = 0, from = 0; i < ends.size(); from = ends[i - 1]) {
        const bool is_unknown = steps[ends[i]].id == unknown_ || steps[ends[i]].id == kNoId;
        size_t end = ends[i++];
        // Unknown characters beside each other are one token.
        while (is_unknown && unknown_ != kNoId && i < ends.size() && steps[ends[i]].id == unknown_) {
            end = ends[i++];
        }
        const Span span{character_at[from], character_at[end]};
        if (!is_unknown) {
            out.push_back({steps[end].id, span});
            continue;
        }
        Status status = add_unknown(std::string_view(bytes).substr(from, end - from), span, out);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

std::vector<Unigram::Step> Unigram::best_steps(const std::string& bytes) const {
    std::vector<Step> steps(bytes.size() + 1);
    const auto rounded = [this](double sum) {
        constexpr double kMost = std::numeric_limits<float>::max();
        return float32_scores_ ? static_cast<float>(std::clamp(sum, -kMost, kMost)) : sum;
    };
    const auto offer = [&](size_t to, size_t from, double score, int32_t id) {
        score = rounded(score);
        if (steps[to].from == kNowhere || score > steps[to].score) {
            steps[to] = {score, from, id};
        }
    };
    for (size_t at = 0; at < bytes.size();) {
        const size_t one = unicode::utf8_length(static_cast<unsigned char>(bytes[at]));
        bool has_single = false;
        Vocabulary::Hash hash;
        const size_t longest = std::min(vocabulary_.longest(), bytes.size() - at);
        for (size_t length = 1; length <= longest; ++length) {
            hash.add({bytes.data() + at + length - 1, 1});
            const int32_t id = vocabulary_.find_parts({}, {bytes.data() + at, length}, hash);
            if (id != kNoId) {
                offer(at + length, at, steps[at].score + scores_[static_cast<size_t>(id)], id);
                has_single = has_single || length == one;
            }
        }
        if (!has_single) {
            offer(at + one, at, steps[at].score + rounded(smallest_score_ - kUnknownPenalty), unknown_);
        }
        at += one;
    }
    return steps;
}

Status Unigram::add_unknown(std::string_view bytes, Span span, std::vector<ModelToken>& out) const {
    const int32_t known = vocabulary_.find(bytes);
    if (known != kNoId) {
        out.push_back({known, span});
        return {};
    }
    const bool all = byte_fallback_ && std::all_of(bytes.begin(), bytes.end(), [this](char byte) {
                         return bytes_[static_cast<unsigned char>(byte)] != kNoId;
                     });
    if (all) {
        for (const char byte : bytes) {
            out.push_back({bytes_[static_cast<unsigned char>(byte)], span});
        }
        return {};
    }
    if (unknown_ == kNoId) {
        return Status(Code::TokenizerInvalid,
                      "model: the text has a character that is not in the vocabulary, and "
                      "there is no unk_id");
    }
    out.push_back({unknown_, span});
    return {};
}

}  // namespace godot_executorch::text
