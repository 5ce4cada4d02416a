#include "core/audio/ring_buffer.h"

#include <algorithm>

namespace godot_executorch::audio {
namespace {

size_t power_of_two(size_t least) {
    size_t size = 1;
    while (size < least) {
        size *= 2;
    }
    return size;
}

}  // namespace

RingBuffer::RingBuffer(size_t capacity) : values_(power_of_two(capacity)), mask_(values_.size() - 1) {
}

size_t RingBuffer::write(const float* values, size_t count) {
    const size_t begin = written_.load(std::memory_order_relaxed);
    const size_t room = values_.size() - (begin - read_.load(std::memory_order_acquire));
    count = std::min(count, room);
    const size_t place = begin & mask_;
    const size_t straight = std::min(count, values_.size() - place);
    std::copy_n(values, straight, values_.data() + place);
    std::copy_n(values + straight, count - straight, values_.data());
    written_.store(begin + count, std::memory_order_release);
    return count;
}

size_t RingBuffer::available() const {
    return written_.load(std::memory_order_acquire) - read_.load(std::memory_order_relaxed);
}

size_t RingBuffer::read(float* values, size_t count) {
    const size_t begin = read_.load(std::memory_order_relaxed);
    count = std::min(count, written_.load(std::memory_order_acquire) - begin);
    const size_t place = begin & mask_;
    const size_t straight = std::min(count, values_.size() - place);
    std::copy_n(values_.data() + place, straight, values);
    std::copy_n(values_.data(), count - straight, values + straight);
    read_.store(begin + count, std::memory_order_release);
    return count;
}

void RingBuffer::clear() {
    read_.store(written_.load(std::memory_order_acquire), std::memory_order_release);
}

}  // namespace godot_executorch::audio
