#include "core/text/steps/character_map.h"

#include "core/text/unicode/characters.h"

namespace godot_executorch::text {
namespace {

constexpr uint32_t kLeaf = 1U << 31;

// A unit has, from the lowest bit: a label, whether a text ends here, the offset's shift, the offset.
uint32_t label_of(uint32_t unit) {
    return unit & (kLeaf | 0xFF);
}
bool ends_here(uint32_t unit) {
    return (unit >> 8 & 1) != 0;
}
uint32_t offset_of(uint32_t unit) {
    return unit >> 10 << ((unit & 1U << 9) >> 6);
}

uint32_t read_little_endian(std::string_view bytes, size_t at) {
    uint32_t value = 0;
    for (size_t i = 4; i-- > 0;) {
        value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
}

}  // namespace

Status CharacterMap::read(std::string_view bytes, CharacterMap& map) {
    const uint64_t size = bytes.size() < 4 ? 0 : read_little_endian(bytes, 0);
    if (size < 4 || size % 4 != 0 || size > bytes.size() - 4) {
        return Status(Code::TokenizerInvalid, "precompiled_charsmap: its array is cut off");
    }
    map.units_.clear();
    map.units_.reserve(size / 4);
    for (size_t at = 4; at < 4 + size; at += 4) {
        map.units_.push_back(read_little_endian(bytes, at));
    }
    map.replacements_ = bytes.substr(4 + size);
    if (unicode::find_bad_utf8(map.replacements_) != std::string::npos) {
        return Status(Code::TokenizerInvalid, "precompiled_charsmap: its replacements are not UTF-8");
    }
    return {};
}

CharacterMap::Match CharacterMap::shortest(std::u32string_view text) const {
    return find(text, true);
}

CharacterMap::Match CharacterMap::longest(std::u32string_view text) const {
    return find(text, false);
}

CharacterMap::Match CharacterMap::find(std::u32string_view text, bool takes_first) const {
    size_t characters = 0;
    uint32_t value = 0;
    uint32_t at = offset_of(units_[0]);
    std::string bytes;
    for (size_t i = 0; i < text.size() && text[i] != 0; ++i) {
        bytes.clear();
        unicode::append_utf8(text[i], bytes);
        for (size_t k = 0; k < bytes.size(); ++k) {
            const uint32_t byte = static_cast<unsigned char>(bytes[k]);
            at ^= byte;
            const bool continues = at < units_.size() && label_of(units_[at]) == byte;
            const uint32_t child = continues ? at ^ offset_of(units_[at]) : 0;
            if (!continues) {
                return characters > 0 ? Match{characters, replacement_at(value)} : Match{};
            }
            const bool is_end = ends_here(units_[at]) && child < units_.size();
            at = child;
            if (is_end && (takes_first || k + 1 == bytes.size())) {
                characters = i + 1;
                value = units_[at] & (kLeaf - 1);
                if (takes_first) {
                    return {characters, replacement_at(value)};
                }
            }
        }
    }
    return characters > 0 ? Match{characters, replacement_at(value)} : Match{};
}

std::u32string CharacterMap::replacement_at(uint32_t index) const {
    if (index >= replacements_.size()) {
        return {};
    }
    return unicode::from_utf8(std::string_view(replacements_).substr(index, replacements_.find('\0', index) - index));
}

}  // namespace godot_executorch::text
