#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

namespace godot_executorch::audio {

/// Floats from one thread to another without a lock: one thread writes, one reads. Neither waits for the other, and
/// neither allocates.
class RingBuffer {
  public:
    /// Holds at least `capacity` floats.
    explicit RingBuffer(size_t capacity);

    size_t capacity() const { return values_.size(); }
    /// For the writer: how many of the values were taken, the first ones; the others found no room.
    size_t write(const float* values, size_t count);
    /// For the reader.
    size_t available() const;
    /// For the reader: how many values were read.
    size_t read(float* values, size_t count);
    /// For the reader: drops what is there.
    void clear();

  private:
    std::vector<float> values_;
    size_t mask_;
    /// Counts of all values so far; they may wrap around.
    std::atomic<size_t> written_{0};
    std::atomic<size_t> read_{0};
};

}  // namespace godot_executorch::audio
