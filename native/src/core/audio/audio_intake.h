#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/audio/resampler.h"
#include "core/audio/ring_buffer.h"
#include "core/status.h"

namespace godot_executorch::audio {

constexpr int64_t kMostChannels = 32;
/// Of one block before and after the conversion: 256 MB.
constexpr size_t kMostSamples = size_t{1} << 26;
/// Of an intake: 16 MB.
constexpr int64_t kLargestCapacity = int64_t{1} << 22;

/// Sound of any rate and number of channels becomes one channel of one rate. One thread gives, for example the audio
/// thread, and one takes; neither waits for the other. What finds no room is dropped and counted.
class AudioIntake {
  public:
    /// `capacity`: samples that may wait, from 1 to kLargestCapacity. The rate is one that Resampler takes.
    AudioIntake(int64_t rate, size_t capacity);

    int64_t rate() const { return rate_; }
    /// Frames of interleaved channels, which are averaged. The giving thread. A new rate begins a new sound.
    Status push(const float* samples, size_t count, int64_t channels, int64_t rate);
    /// Ends the sound: its last milliseconds, which waited for what follows. The giving thread.
    void finish();

    size_t available() const { return waiting_.available(); }
    size_t read(float* samples, size_t count) { return waiting_.read(samples, count); }
    /// Drops what waits; the next block begins a new sound. The taking thread.
    void forget();
    /// Samples that found no room.
    uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  private:
    void forget_if_asked();
    void hand_over();

    int64_t rate_;
    RingBuffer waiting_;
    std::atomic<bool> is_asked_to_forget_{false};
    std::atomic<uint64_t> dropped_{0};

    // Of the giving thread.
    Resampler resampler_;
    bool has_resampler_ = false;
    std::vector<float> mono_;
    std::vector<float> converted_;
};

/// A whole sound at once. Appends ceil(frames * to / from) samples. InvalidOption for other rates and channels, and for
/// more than kMostSamples.
Status convert(const float* samples, size_t count, int64_t channels, int64_t from, int64_t to,
               std::vector<float>& output);

}  // namespace godot_executorch::audio
