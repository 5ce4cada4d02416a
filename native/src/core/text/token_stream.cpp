#include <utility>

#include "core/text/tokenizer.h"

namespace godot_executorch::text {
namespace {

bool ends_incomplete(const std::string& text) {
    constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
    return text.size() >= kReplacement.size() &&
           text.compare(text.size() - kReplacement.size(), kReplacement.size(), kReplacement) == 0;
}

}  // namespace

TokenStream::TokenStream(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {
}

std::string TokenStream::push(int64_t id) {
    ids_.push_back(id);
    const std::string text = tokenizer_->decode(ids_, skip_special_);
    if (text.size() <= prefix_.size() || ends_incomplete(text)) {
        return {};
    }
    const std::string added = added_to(text);
    // The last token stays: the space before the next one depends on it.
    ids_.erase(ids_.begin(), ids_.begin() + static_cast<ptrdiff_t>(prefix_ids_));
    prefix_ = tokenizer_->decode(ids_, skip_special_);
    prefix_ids_ = ids_.size();
    return added;
}

/// What comes after the prefix; where newer tokens changed that, what they are alone.
std::string TokenStream::added_to(const std::string& text) const {
    if (text.compare(0, prefix_.size(), prefix_) == 0) {
        return text.substr(prefix_.size());
    }
    return tokenizer_->decode({ids_.begin() + static_cast<ptrdiff_t>(prefix_ids_), ids_.end()}, skip_special_);
}

std::string TokenStream::finish() {
    const std::string text = tokenizer_->decode(ids_, skip_special_);
    const std::string added = added_to(text);
    ids_.clear();
    prefix_.clear();
    prefix_ids_ = 0;
    return added;
}

}  // namespace godot_executorch::text
