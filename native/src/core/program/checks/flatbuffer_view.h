#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace godot_executorch {

/// Reads a flatbuffer without trusting it: whatever points outside reads as missing and is remembered as damage.
class FlatbufferView {
  public:
    FlatbufferView(const uint8_t* data, size_t size) : data_(data), size_(size) {}

    bool is_damaged() const { return damaged_; }

    /// A number at a position; 0 outside.
    template <typename T>
    T read(size_t position) const {
        T value{};
        if (position > size_ || sizeof(T) > size_ - position) {
            damaged_ = true;
            return value;
        }
        std::memcpy(&value, data_ + position, sizeof(T));
        return value;
    }
    /// Where an offset at `position` points to; 0 when it points outside.
    size_t follow(size_t position) const;
    const uint8_t* bytes(size_t position, size_t count) const;

  private:
    const uint8_t* data_;
    size_t size_;
    mutable bool damaged_ = false;
};

class FlatbufferVector;

class FlatbufferTable {
  public:
    FlatbufferTable() = default;
    FlatbufferTable(const FlatbufferView* view, size_t position) : view_(view), position_(position) {}
    static FlatbufferTable root(const FlatbufferView& view) { return {&view, view.follow(0)}; }

    bool exists() const { return position_ != 0; }
    /// Fields count from 0 in the order of the schema; a union takes two, its type and its value.
    template <typename T>
    T number(int field, T fallback = T{}) const {
        const size_t place = find(field);
        return place == 0 ? fallback : view_->read<T>(place);
    }
    FlatbufferTable table(int field) const;
    FlatbufferVector vector(int field) const;
    std::string_view text(int field) const;

  private:
    size_t find(int field) const;

    const FlatbufferView* view_ = nullptr;
    size_t position_ = 0;
};

class FlatbufferVector {
  public:
    FlatbufferVector() = default;
    FlatbufferVector(const FlatbufferView* view, size_t position);

    bool exists() const { return view_ != nullptr; }
    size_t size() const { return size_; }
    template <typename T>
    T number(size_t index) const {
        return index < size_ ? view_->read<T>(first_ + index * sizeof(T)) : T{};
    }
    FlatbufferTable table(size_t index) const;
    /// Whether `size()` elements of that many bytes are really there.
    bool holds(size_t element_size) const;

  private:
    const FlatbufferView* view_ = nullptr;
    size_t first_ = 0;
    size_t size_ = 0;
};

}  // namespace godot_executorch
