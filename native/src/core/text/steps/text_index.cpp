#include "core/text/steps/text_index.h"

#include <algorithm>

namespace godot_executorch::text {

void TextIndex::add(const std::u32string& text, size_t value) {
    if (text.empty()) {
        return;
    }
    std::vector<size_t>& lengths = lengths_[text[0]];
    if (std::find(lengths.begin(), lengths.end(), text.size()) == lengths.end()) {
        lengths.push_back(text.size());
        std::sort(lengths.rbegin(), lengths.rend());
    }
    by_content_[text] = value;
}

const size_t* TextIndex::longest_at(std::u32string_view text, size_t at, size_t& length) const {
    const auto lengths = lengths_.find(text[at]);
    if (lengths == lengths_.end()) {
        return nullptr;
    }
    for (const size_t candidate : lengths->second) {
        if (candidate > text.size() - at) {
            continue;
        }
        const auto found = by_content_.find(std::u32string(text.substr(at, candidate)));
        if (found != by_content_.end()) {
            length = candidate;
            return &found->second;
        }
    }
    return nullptr;
}

}  // namespace godot_executorch::text
