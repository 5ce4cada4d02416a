#include "core/text/encoding.h"

#include <algorithm>

namespace godot_executorch::text {
namespace {

template <typename T>
void keep_part(std::vector<T>& values, size_t count, bool from_left) {
    if (from_left) {
        values.resize(count);
    } else {
        values.erase(values.begin(), values.end() - static_cast<ptrdiff_t>(count));
    }
}

template <typename T>
void pad_part(std::vector<T>& values, size_t count, const T& value, bool on_left) {
    values.insert(on_left ? values.begin() : values.end(), count, value);
}

}  // namespace

void Encoding::add(int32_t id, int32_t type, Span offset, bool is_special) {
    ids.push_back(id);
    types.push_back(type);
    attention.push_back(1);
    special.push_back(is_special ? 1 : 0);
    offsets.push_back(offset);
}

void Encoding::append(const Encoding& other) {
    ids.insert(ids.end(), other.ids.begin(), other.ids.end());
    types.insert(types.end(), other.types.begin(), other.types.end());
    attention.insert(attention.end(), other.attention.begin(), other.attention.end());
    special.insert(special.end(), other.special.begin(), other.special.end());
    offsets.insert(offsets.end(), other.offsets.begin(), other.offsets.end());
}

void Encoding::keep(size_t count, bool from_left) {
    if (count >= size()) {
        return;
    }
    for (std::vector<int32_t>* values : {&ids, &types, &attention, &special}) {
        keep_part(*values, count, from_left);
    }
    keep_part(offsets, count, from_left);
}

void Encoding::pad(size_t wanted, int32_t id, int32_t type, bool on_left) {
    if (wanted <= size()) {
        return;
    }
    const size_t count = wanted - size();
    pad_part(ids, count, id, on_left);
    pad_part(types, count, type, on_left);
    pad_part(attention, count, 0, on_left);
    pad_part(special, count, 1, on_left);
    pad_part(offsets, count, Span(), on_left);
}

bool Truncation::apply(Encoding& first, Encoding* pair, size_t added) const {
    const size_t total = first.size() + (pair != nullptr ? pair->size() : 0);
    const size_t room = most > added ? most - added : 0;
    if (most == 0 || total <= room) {
        return true;
    }
    if (strategy == Strategy::LongestFirst) {
        if (pair == nullptr) {
            first.keep(room, !removes_left);
            return true;
        }
        size_t shorter = std::min(first.size(), pair->size());
        size_t longer = shorter > room ? shorter : std::max(shorter, room - shorter);
        if (shorter + longer > room) {
            shorter = room / 2;
            longer = shorter + room % 2;
        }
        const bool first_is_longer = first.size() > pair->size();
        first.keep(first_is_longer ? longer : shorter, !removes_left);
        pair->keep(first_is_longer ? shorter : longer, !removes_left);
        return true;
    }
    Encoding* const target = strategy == Strategy::OnlyFirst ? &first : pair;
    const size_t to_remove = total - room;
    if (target == nullptr || (target->size() <= to_remove && room > 0)) {
        return false;
    }
    target->keep(room > 0 ? target->size() - to_remove : 0, !removes_left);
    return true;
}

void Padding::apply(std::vector<Encoding>& batch) const {
    if (!enabled) {
        return;
    }
    size_t size = fixed;
    for (const Encoding& encoding : batch) {
        size = fixed == 0 ? std::max(size, encoding.size()) : size;
    }
    if (multiple > 0 && size % multiple > 0) {
        size += multiple - size % multiple;
    }
    for (Encoding& encoding : batch) {
        encoding.pad(size, id, type, on_left);
    }
}

}  // namespace godot_executorch::text
