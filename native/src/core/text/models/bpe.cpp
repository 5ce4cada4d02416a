#include "core/text/models/bpe.h"

#include <limits>
#include <queue>

#include "core/text/unicode/characters.h"

namespace godot_executorch::text {
namespace {

constexpr size_t kMostCached = 10000;
constexpr size_t kLongestCached = 64;

uint64_t pair_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

Status Bpe::make(const json::Value& value, json::Fields& fields, std::unique_ptr<Model>& made) {
    auto model = std::make_unique<Bpe>();
    Status status = read_vocabulary(value["vocab"], model->vocabulary_);
    if (!status.ok()) {
        return status;
    }
    model->prefix_ = fields.string("continuing_subword_prefix");
    model->suffix_ = fields.string("end_of_word_suffix");
    model->fuses_unknown_ = fields.boolean("fuse_unk", false);
    model->ignores_merges_ = fields.boolean("ignore_merges", false);
    model->byte_fallback_ = fields.boolean("byte_fallback", false);
    if (fields.has("unk_token")) {
        const std::string unknown = fields.string("unk_token");
        model->unknown_ = model->vocabulary_.find(unknown);
        if (model->unknown_ == kNoId) {
            fields.fail("unk_token \"" + unknown + "\" is not in the vocabulary");
        }
    }
    if (fields.of("dropout", json::Type::Number).number != 0) {
        fields.unsupported("dropout, which makes the tokens of a text a matter of chance");
    }
    model->bytes_ = byte_tokens(model->vocabulary_);
    for (int64_t id = 0; id < model->vocabulary_.end_id(); ++id) {
        const std::string* token = model->vocabulary_.token(id);
        if (token != nullptr && !token->empty() &&
            unicode::utf8_length(static_cast<unsigned char>((*token)[0])) == token->size()) {
            model->characters_[unicode::from_utf8(*token)[0]] = model->vocabulary_.find(*token);
        }
    }
    status = model->read_merges(fields.of("merges", json::Type::Array, true));
    made = std::move(model);
    return status;
}

Status Bpe::read_merges(const json::Value& value) {
    merges_.reserve(value.array.size());
    for (const json::Value& entry : value.array) {
        Status status;
        const size_t space = entry.string.find(' ');
        if (entry.array.size() == 2) {
            status = add_merge(entry.array[0].string, entry.array[1].string);
        } else if (space != std::string::npos) {
            status = add_merge(entry.string.substr(0, space), entry.string.substr(space + 1));
        } else {
            status = Status(Code::TokenizerInvalid, "expected two tokens");
        }
        if (!status.ok()) {
            return std::move(status).within("model.merges: ");
        }
    }
    return {};
}

Status Bpe::add_merge(const std::string& left, const std::string& right) {
    // A token that continues a word has the prefix, and the joined one has it only once.
    const bool has_prefix = !prefix_.empty() && right.compare(0, prefix_.size(), prefix_) == 0;
    const std::string joined = left + (has_prefix ? right.substr(prefix_.size()) : right);
    for (const std::string* token : {&left, &right, &joined}) {
        if (vocabulary_.find(*token) == kNoId) {
            return Status(Code::TokenizerInvalid, "\"" + *token + "\" is not in the vocabulary");
        }
    }
    const Merge merge{static_cast<uint32_t>(merges_.size()), vocabulary_.find(joined)};
    merges_[pair_of(vocabulary_.find(left), vocabulary_.find(right))] = merge;
    return {};
}

Status Bpe::tokenize(std::u32string_view piece, std::vector<ModelToken>& out) const {
    if (piece.size() > kLongestCached) {
        compute(piece, out);
        return {};
    }
    const std::u32string key(piece);
    {
        const std::lock_guard<std::mutex> lock(cache_mutex_);
        const auto found = cache_.find(key);
        if (found != cache_.end()) {
            out.insert(out.end(), found->second.begin(), found->second.end());
            return {};
        }
    }
    const size_t size_before = out.size();
    compute(piece, out);
    const std::lock_guard<std::mutex> lock(cache_mutex_);
    if (cache_.size() < kMostCached) {
        cache_.emplace(key, std::vector<ModelToken>(out.begin() + static_cast<ptrdiff_t>(size_before), out.end()));
    }
    return {};
}

void Bpe::compute(std::u32string_view piece, std::vector<ModelToken>& out) const {
    if (ignores_merges_) {
        const int32_t whole = vocabulary_.find(unicode::to_utf8(piece));
        if (whole != kNoId) {
            out.push_back({whole, {0, static_cast<uint32_t>(piece.size())}});
            return;
        }
    }
    std::vector<ModelToken> tokens = first_tokens(piece);
    join(tokens);
    out.insert(out.end(), tokens.begin(), tokens.end());
}

std::vector<ModelToken> Bpe::first_tokens(std::u32string_view piece) const {
    std::vector<ModelToken> tokens;
    tokens.reserve(piece.size());
    ModelToken unknown{kNoId, {}};  // is added before the next known token, so that its neighbours can join it
    const auto flush = [&] {
        if (unknown.id != kNoId) {
            tokens.push_back(unknown);
            unknown.id = kNoId;
        }
    };
    for (uint32_t i = 0; i < piece.size(); ++i) {
        const Span span{i, i + 1};
        const int32_t id = id_of(piece[i], i == 0, i + 1 == piece.size());
        if (id != kNoId) {
            flush();
            tokens.push_back({id, span});
        } else if (byte_fallback_ && add_bytes(piece[i], span, tokens)) {
            continue;
        } else if (unknown_ != kNoId) {
            if (fuses_unknown_ && unknown.id != kNoId) {
                unknown.span.end = span.end;
                continue;
            }
            flush();
            unknown = {unknown_, span};
        }
    }
    flush();
    return tokens;
}

int32_t Bpe::id_of(char32_t character, bool is_first, bool is_last) const {
    const bool has_prefix = !is_first && !prefix_.empty();
    const bool has_suffix = is_last && !suffix_.empty();
    if (!has_prefix && !has_suffix) {
        const auto found = characters_.find(character);
        return found != characters_.end() ? found->second : kNoId;
    }
    std::string token = has_prefix ? prefix_ : std::string();
    unicode::append_utf8(character, token);
    return vocabulary_.find(has_suffix ? token + suffix_ : token);
}

bool Bpe::add_bytes(char32_t character, Span span, std::vector<ModelToken>& tokens) const {
    std::string bytes;
    unicode::append_utf8(character, bytes);
    for (const char byte : bytes) {
        if (bytes_[static_cast<unsigned char>(byte)] == kNoId) {
            return false;
        }
    }
    for (const char byte : bytes) {
        tokens.push_back({bytes_[static_cast<unsigned char>(byte)], span});
    }
    return true;
}

void Bpe::join(std::vector<ModelToken>& tokens) const {
    constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
    struct Candidate {
        uint32_t rank;
        uint32_t at;
        uint64_t pair;
        bool operator<(const Candidate& other) const {  // the queue takes the largest
            return rank != other.rank ? rank > other.rank : at > other.at;
        }
    };
    const auto size = static_cast<uint32_t>(tokens.size());
    std::vector<uint32_t> next(size);
    std::vector<uint32_t> previous(size);
    std::priority_queue<Candidate> queue;
    const auto offer = [&](uint32_t at) {
        if (at == kNone || next[at] == kNone) {
            return;
        }
        const uint64_t pair = pair_of(tokens[at].id, tokens[next[at]].id);
        const auto found = merges_.find(pair);
        if (found != merges_.end()) {
            queue.push({found->second.rank, at, pair});
        }
    };
    for (uint32_t i = 0; i < size; ++i) {
        next[i] = i + 1 < size ? i + 1 : kNone;
        previous[i] = i > 0 ? i - 1 : kNone;
    }
    for (uint32_t i = 0; i < size; ++i) {
        offer(i);
    }
    while (!queue.empty()) {
        const Candidate best = queue.top();
        queue.pop();
        const uint32_t right = tokens[best.at].id != kNoId ? next[best.at] : kNone;
        if (right == kNone || pair_of(tokens[best.at].id, tokens[right].id) != best.pair) {
            continue;  // one of the two was joined meanwhile
        }
        tokens[best.at].id = merges_.find(best.pair)->second.joined;
        tokens[best.at].span.end = tokens[right].span.end;
        tokens[right].id = kNoId;
        next[best.at] = next[right];
        if (next[right] != kNone) {
            previous[next[right]] = best.at;
        }
        offer(previous[best.at]);
        offer(best.at);
    }
    size_t kept = 0;
    for (uint32_t i = 0; i < size; i = next[i]) {
        tokens[kept++] = tokens[i];
        if (next[i] == kNone) {
            break;
        }
    }
    tokens.resize(kept);
}

}  // namespace godot_executorch::text
