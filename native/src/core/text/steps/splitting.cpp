#include "core/text/steps/splitting.h"

namespace godot_executorch::text {
namespace {

struct Part {
    Span span;
    bool is_match;
};

/// Matches and what lies between them, in order, as ranges of the whole text.
std::vector<Part> parts_of(Span piece, const std::vector<Span>& matches, bool invert) {
    std::vector<Part> parts;
    uint32_t from = piece.begin;
    for (const Span match : matches) {
        if (piece.begin + match.begin > from) {
            parts.push_back({{from, piece.begin + match.begin}, invert});
        }
        from = piece.begin + match.end;
        parts.push_back({{piece.begin + match.begin, from}, !invert});
    }
    if (from < piece.end) {
        parts.push_back({{from, piece.end}, invert});
    }
    return parts;
}

void merge_with_previous(const std::vector<Part>& parts, std::vector<Span>& out) {
    bool previous_was_match = true;  // nothing before: a match stands alone
    bool first = true;
    for (const Part& part : parts) {
        if (part.is_match && !previous_was_match && !first) {
            out.back().end = part.span.end;
        } else {
            out.push_back(part.span);
        }
        previous_was_match = part.is_match;
        first = false;
    }
}

void merge_with_next(const std::vector<Part>& parts, std::vector<Span>& out) {
    bool is_open = false;  // the last span is a match that waits for what follows
    for (const Part& part : parts) {
        if (!part.is_match && is_open) {
            out.back().end = part.span.end;
        } else {
            out.push_back(part.span);
        }
        is_open = part.is_match;
    }
}

void arrange(const std::vector<Part>& parts, Behaviour behaviour, std::vector<Span>& out) {
    switch (behaviour) {
        case Behaviour::Removed:
        case Behaviour::Isolated:
            for (const Part& part : parts) {
                if (!part.is_match || behaviour == Behaviour::Isolated) {
                    out.push_back(part.span);
                }
            }
            return;
        case Behaviour::Contiguous:
            for (size_t i = 0; i < parts.size(); ++i) {
                if (i > 0 && parts[i].is_match == parts[i - 1].is_match) {
                    out.back().end = parts[i].span.end;
                } else {
                    out.push_back(parts[i].span);
                }
            }
            return;
        case Behaviour::MergedWithPrevious:
            merge_with_previous(parts, out);
            return;
        case Behaviour::MergedWithNext:
            merge_with_next(parts, out);
            return;
    }
}

template <typename FindMatches>
void split(Pieces& pieces, Behaviour behaviour, bool invert, FindMatches find) {
    std::vector<Span> spans;
    spans.reserve(pieces.spans.size());
    for (const Span piece : pieces.spans) {
        arrange(parts_of(piece, find(pieces.piece(piece)), invert), behaviour, spans);
    }
    pieces.spans = std::move(spans);
}

}  // namespace

void split_by_pattern(Pieces& pieces, const Pattern& pattern, Behaviour behaviour, bool invert) {
    split(pieces, behaviour, invert, [&](std::u32string_view piece) { return pattern.find_all(piece); });
}

void split_by_kind(Pieces& pieces, const std::function<bool(char32_t)>& is_kind, Behaviour behaviour) {
    split(pieces, behaviour, false, [&](std::u32string_view piece) {
        std::vector<Span> found;
        for (uint32_t i = 0; i < piece.size(); ++i) {
            if (is_kind(piece[i])) {
                found.push_back({i, i + 1});
            }
        }
        return found;
    });
}

void prepend_to_pieces(Pieces& pieces, char32_t character,
                       const std::function<bool(std::u32string_view piece, Span origin)>& wanted) {
    AlignedText changed;
    for (Span& span : pieces.spans) {
        const uint32_t begin = changed.size();
        const std::u32string_view piece = pieces.piece(span);
        if (!piece.empty() && piece[0] != character && wanted(piece, pieces.text.origins[span.begin])) {
            changed.add(character, pieces.text.origins[span.begin]);
        }
        for (uint32_t i = span.begin; i < span.end; ++i) {
            changed.add(pieces.text.characters[i], pieces.text.origins[i]);
        }
        span = {begin, changed.size()};
    }
    pieces.text = std::move(changed);
}

}  // namespace godot_executorch::text
