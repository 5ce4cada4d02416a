#include "core/program/checks/flatbuffer_view.h"

namespace godot_executorch {

size_t FlatbufferView::follow(size_t position) const {
    const auto offset = read<uint32_t>(position);
    if (offset == 0 || offset >= size_ || position >= size_ - offset) {
        damaged_ = true;
        return 0;
    }
    return position + offset;
}

const uint8_t* FlatbufferView::bytes(size_t position, size_t count) const {
    if (position > size_ || count > size_ - position) {
        damaged_ = true;
        return nullptr;
    }
    return data_ + position;
}

size_t FlatbufferTable::find(int field) const {
    if (position_ == 0) {
        return 0;
    }
    const auto back = view_->read<int32_t>(position_);
    const int64_t vtable = static_cast<int64_t>(position_) - back;
    if (vtable < 0) {
        return view_->follow(SIZE_MAX);  // marks the damage
    }
    const auto start = static_cast<size_t>(vtable);
    const auto vtable_size = view_->read<uint16_t>(start);
    const auto table_size = view_->read<uint16_t>(start + 2);
    const size_t entry = 4 + 2 * static_cast<size_t>(field);
    if (entry + 2 > vtable_size) {
        return 0;
    }
    const auto offset = view_->read<uint16_t>(start + entry);
    if (offset != 0 && (offset < 4 || offset >= table_size)) {
        return view_->follow(SIZE_MAX);
    }
    return offset == 0 ? 0 : position_ + offset;
}

FlatbufferTable FlatbufferTable::table(int field) const {
    const size_t place = find(field);
    return place == 0 ? FlatbufferTable() : FlatbufferTable(view_, view_->follow(place));
}

FlatbufferVector FlatbufferTable::vector(int field) const {
    const size_t place = find(field);
    const size_t target = place == 0 ? 0 : view_->follow(place);
    return target == 0 ? FlatbufferVector() : FlatbufferVector(view_, target);
}

std::string_view FlatbufferTable::text(int field) const {
    const size_t place = find(field);
    const size_t target = place == 0 ? 0 : view_->follow(place);
    if (target == 0) {
        return {};
    }
    const auto size = view_->read<uint32_t>(target);
    // The byte after the text is a zero that readers rely on.
    const uint8_t* bytes = view_->bytes(target + 4, static_cast<size_t>(size) + 1);
    if (bytes == nullptr || bytes[size] != 0) {
        view_->follow(SIZE_MAX);
        return {};
    }
    return {reinterpret_cast<const char*>(bytes), size};
}

FlatbufferVector::FlatbufferVector(const FlatbufferView* view, size_t position)
    : view_(view), first_(position + 4), size_(view->read<uint32_t>(position)) {
    // Nothing that we read has elements smaller than a byte.
    if (view->bytes(first_, size_) == nullptr) {
        size_ = 0;
    }
}

FlatbufferTable FlatbufferVector::table(size_t index) const {
    if (index >= size_) {
        return {};
    }
    return {view_, view_->follow(first_ + index * 4)};
}

bool FlatbufferVector::holds(size_t element_size) const {
    return size_ == 0 || (size_ <= SIZE_MAX / element_size && view_->bytes(first_, size_ * element_size) != nullptr);
}

}  // namespace godot_executorch
