#include "core/text/steps/pattern.h"

#include "core/text/json/fields.h"
#include "core/text/steps/pattern_tree.h"
#include "core/text/unicode/characters.h"

namespace godot_executorch::text {
namespace {

constexpr uint64_t kFreeSteps = 1'000'000;
constexpr uint64_t kStepsPerCharacter = 500;

/// Matches by backtracking. Its recursion is as deep as the pattern is long, never as the text is.
class Matcher {
  public:
    explicit Matcher(std::u32string_view text) : text_(text), steps_(kFreeSteps + kStepsPerCharacter * text.size()) {}

    /// The end of the match that begins at `begin`; `begin` when there is none.
    size_t match(const Alternatives& expression, size_t begin) {
        end_ = begin;
        return match_any(expression, begin, nullptr) ? end_ : begin;
    }

  private:
    /// What has to match afterwards: the rest of a sequence, and then its `next`.
    struct Rest {
        const ItemSequence& sequence;
        size_t index;
        const Rest* next;
    };

    bool match_any(const Alternatives& alternatives, size_t at, const Rest* rest) {
        for (const ItemSequence& choice : alternatives.choices) {
            const Rest own{choice, 0, rest};
            if (match_rest(&own, at)) {
                return true;
            }
        }
        return false;
    }

    bool match_rest(const Rest* rest, size_t at) {
        if (steps_ == 0) {
            return false;
        }
        --steps_;
        while (rest != nullptr && rest->index == rest->sequence.size()) {
            rest = rest->next;
        }
        if (rest == nullptr) {
            end_ = at;
            return true;
        }
        const Item& item = rest->sequence[rest->index];
        const Rest after{rest->sequence, rest->index + 1, rest->next};
        switch (item.kind) {
            case Item::Kind::Set:
                return match_set(item, at, after);
            case Item::Kind::Group:
                return match_any(item.inside[0], at, &after) || (item.least == 0 && match_rest(&after, at));
            case Item::Kind::TextBegin:
                return at == 0 && match_rest(&after, at);
            case Item::Kind::Lookahead:
            case Item::Kind::NegativeLookahead:
                break;
        }
        const bool found = match_any(item.inside[0], at, nullptr);
        return found == (item.kind == Item::Kind::Lookahead) && match_rest(&after, at);
    }

    bool match_set(const Item& item, size_t at, const Rest& after) {
        const size_t longest = item.most < text_.size() - at ? at + item.most : text_.size();
        size_t end = at;
        if (item.lazy) {
            for (; end - at <= longest - at; ++end) {
                if (end - at >= item.least && match_rest(&after, end)) {
                    return true;
                }
                if (end == longest || !item.set.has(text_[end])) {
                    return false;
                }
            }
        }
        while (end < longest && item.set.has(text_[end])) {
            ++end;
        }
        for (;; --end) {
            if (end - at < item.least) {
                return false;
            }
            if (match_rest(&after, end)) {
                return true;
            }
            if (item.possessive || end == at || steps_ == 0) {
                return false;
            }
        }
    }

    std::u32string_view text_;
    uint64_t steps_;
    size_t end_ = 0;
};

std::vector<Span> find_plain(std::u32string_view text, std::u32string_view wanted) {
    std::vector<Span> found;
    for (size_t at = 0; !wanted.empty() && (at = text.find(wanted, at)) != std::u32string_view::npos;
         at += wanted.size()) {
        found.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + wanted.size())});
    }
    return found;
}

}  // namespace

Status Pattern::read(const json::Value& value, const std::string& place, Pattern& pattern) {
    json::Fields fields(value, place + ".pattern");
    if (fields.ok() && fields.has("Regex")) {
        return compile(unicode::from_utf8(fields.required_string("Regex")), pattern).within(place + ": ");
    }
    pattern.plain_ = unicode::from_utf8(fields.required_string("String"));
    return fields.take_status();
}

Pattern Pattern::plain(std::u32string text) {
    Pattern pattern;
    pattern.plain_ = std::move(text);
    return pattern;
}

Status Pattern::compile(std::u32string_view expression, Pattern& pattern) {
    auto parsed = std::make_shared<Alternatives>();
    Status status = parse_pattern(expression, *parsed);
    pattern.expression_ = std::move(parsed);
    return status;
}

std::vector<Span> Pattern::find_all(std::u32string_view text) const {
    if (expression_ == nullptr) {
        return find_plain(text, plain_);
    }
    std::vector<Span> found;
    Matcher matcher(text);
    for (size_t at = 0; at < text.size();) {
        const size_t end = matcher.match(*expression_, at);
        if (end > at) {
            found.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(end)});
        }
        at = end > at ? end : at + 1;
    }
    return found;
}

}  // namespace godot_executorch::text
