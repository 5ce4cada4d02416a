#include "core/text/models/vocabulary.h"

#include <algorithm>

namespace godot_executorch::text {

Status Vocabulary::add(std::string_view token, int64_t id) {
    if (id < 0 || id >= kMostIds) {
        return Status(Code::TokenizerInvalid, "the id of \"" + std::string(token) +
                                                  "\": expected a whole number below " + std::to_string(kMostIds));
    }
    if (static_cast<int64_t>(texts_.size()) <= id) {
        texts_.resize(static_cast<size_t>(id) + 1);
        known_.resize(static_cast<size_t>(id) + 1);
    }
    const auto index = static_cast<size_t>(id);
    if (known_[index]) {
        return Status(Code::TokenizerInvalid, "the id " + std::to_string(id) + " stands for \"" + texts_[index] +
                                                  "\" and for \"" + std::string(token) + "\"");
    }
    texts_[index] = token;
    known_[index] = true;
    ++count_;
    longest_ = std::max(longest_, token.size());
    if (count_ * 2 > places_.size()) {
        grow();
    } else {
        places_[place_of({}, token, Hash().add(token))] = static_cast<int32_t>(id);
    }
    return {};
}

int32_t Vocabulary::find_parts(std::string_view prefix, std::string_view rest, const Hash& hash) const {
    return places_.empty() ? kNoId : places_[place_of(prefix, rest, hash)];
}

const std::string* Vocabulary::token(int64_t id) const {
    return id >= 0 && id < end_id() && known_[static_cast<size_t>(id)] ? &texts_[static_cast<size_t>(id)] : nullptr;
}

void Vocabulary::grow() {
    places_.assign(std::max<size_t>(places_.size() * 2, 1024), kNoId);
    for (size_t id = 0; id < texts_.size(); ++id) {
        if (known_[id]) {
            places_[place_of({}, texts_[id], Hash().add(texts_[id]))] = static_cast<int32_t>(id);
        }
    }
}

/// Where the token is, or the free place where it belongs.
size_t Vocabulary::place_of(std::string_view prefix, std::string_view rest, const Hash& hash) const {
    const size_t mask = places_.size() - 1;
    size_t place = (hash.value() ^ hash.value() >> 29) & mask;
    while (places_[place] != kNoId) {
        const std::string& text = texts_[static_cast<size_t>(places_[place])];
        if (text.size() == prefix.size() + rest.size() && text.compare(0, prefix.size(), prefix) == 0 &&
            text.compare(prefix.size(), std::string::npos, rest) == 0) {
            break;
        }
        place = (place + 1) & mask;
    }
    return place;
}

}  // namespace godot_executorch::text
