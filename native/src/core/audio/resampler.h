#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/status.h"

namespace godot_executorch::audio {

constexpr int64_t kLowestRate = 8'000;
constexpr int64_t kHighestRate = 192'000;

/// Converts samples from one rate (Hz) to another with a polyphase filter: a sinc under a Kaiser window (Oppenheim and
/// Schafer, Discrete-Time Signal Processing, 7.5), 80 dB down from the lower rate's half on, flat to 0.9 of it. Blocks
/// join without a click. Sample m of the output belongs to the time m / to, so nothing is delayed; the last
/// milliseconds come with finish(). Samples that are not finite count as silence. Of one thread.
class Resampler {
  public:
    Resampler() = default;

    /// InvalidOption for rates that are not from kLowestRate to kHighestRate.
    static Status create(int64_t from, int64_t to, Resampler& made);

    int64_t from() const { return from_; }
    int64_t to() const { return to_; }
    /// Appends what can be computed so far.
    void push(const float* samples, size_t count, std::vector<float>& output);
    /// Appends the rest as if silence followed: in all ceil(samples * to / from). The next block begins a new sound.
    void finish(std::vector<float>& output);
    /// Forgets the samples so far.
    void reset();

  private:
    void make_filter();
    void drain(std::vector<float>& output);
    float at(const float* samples) const;

    int64_t from_ = kLowestRate;
    int64_t to_ = kLowestRate;
    /// The rates divided by their greatest common divisor.
    int64_t up_ = 1;
    int64_t down_ = 1;
    /// Samples of the input on one side of an output's place.
    int64_t half_ = 0;
    /// Rows of 2 * half_ weights, one for each place between two samples of the input and one for the next sample.
    int64_t phases_ = 1;
    std::vector<float> filter_;

    std::vector<float> history_;
    /// The next output's place: its first sample in history_, and numerator of the part behind it, of up_.
    int64_t first_ = 0;
    int64_t part_ = 0;
    uint64_t taken_ = 0;
    uint64_t given_ = 0;
};

}  // namespace godot_executorch::audio
