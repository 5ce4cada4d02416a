#include "core/audio/audio_intake.h"

#include <cmath>
#include <string>

namespace godot_executorch::audio {
namespace {

/// A block of the usual length needs no memory in the audio thread.
constexpr size_t kUsualBlock = size_t{1} << 13;

Status check(size_t count, int64_t channels) {
    if (channels < 1 || channels > kMostChannels) {
        return Status(Code::InvalidOption,
                      "channels: expected 1 to " + std::to_string(kMostChannels) + ", got " + std::to_string(channels));
    }
    if (count > kMostSamples) {
        return Status(Code::InvalidOption,
                      "sound: expected at most " + std::to_string(kMostSamples) + " samples at once, got " +
                          std::to_string(count),
                      "Give it in parts.");
    }
    return {};
}

/// The mean of the channels. A last frame that is not whole is left out.
void mix(const float* samples, size_t count, int64_t channels, std::vector<float>& mono) {
    const auto width = static_cast<size_t>(channels);
    mono.resize(count / width);
    for (size_t frame = 0; frame < mono.size(); ++frame) {
        float sum = 0.0F;
        for (size_t channel = 0; channel < width; ++channel) {
            const float sample = samples[frame * width + channel];
            sum += std::isfinite(sample) ? sample : 0.0F;
        }
        mono[frame] = sum / static_cast<float>(channels);
    }
}

}  // namespace

AudioIntake::AudioIntake(int64_t rate, size_t capacity) : rate_(rate), waiting_(capacity) {
    mono_.reserve(kUsualBlock);
    converted_.reserve(kUsualBlock);
}

Status AudioIntake::push(const float* samples, size_t count, int64_t channels, int64_t rate) {
    Status status = check(count, channels);
    if (!status.ok()) {
        return status;
    }
    forget_if_asked();
    if (!has_resampler_ || resampler_.from() != rate) {
        finish();
        status = Resampler::create(rate, rate_, resampler_);
        has_resampler_ = status.ok();
        if (!status.ok()) {
            return status;
        }
    }
    mix(samples, count, channels, mono_);
    resampler_.push(mono_.data(), mono_.size(), converted_);
    hand_over();
    return {};
}

void AudioIntake::finish() {
    forget_if_asked();
    if (has_resampler_) {
        resampler_.finish(converted_);
        hand_over();
    }
}

void AudioIntake::forget() {
    is_asked_to_forget_.store(true, std::memory_order_release);
    waiting_.clear();
}

void AudioIntake::forget_if_asked() {
    if (is_asked_to_forget_.exchange(false, std::memory_order_acquire) && has_resampler_) {
        resampler_.reset();
    }
}

void AudioIntake::hand_over() {
    const size_t taken = waiting_.write(converted_.data(), converted_.size());
    dropped_.fetch_add(converted_.size() - taken, std::memory_order_relaxed);
    converted_.clear();
}

Status convert(const float* samples, size_t count, int64_t channels, int64_t from, int64_t to,
               std::vector<float>& output) {
    Resampler resampler;
    Status status = check(count, channels);
    status = status.ok() ? Resampler::create(from, to, resampler) : std::move(status);
    if (!status.ok()) {
        return status;
    }
    const double frames = static_cast<double>(count) / static_cast<double>(channels);
    const double made = std::ceil(frames * static_cast<double>(to) / static_cast<double>(from));
    status = check(static_cast<size_t>(made), 1);
    if (!status.ok()) {
        return status;
    }
    std::vector<float> mono;
    mix(samples, count, channels, mono);
    output.reserve(output.size() + static_cast<size_t>(made));
    resampler.push(mono.data(), mono.size(), output);
    resampler.finish(output);
    return {};
}

}  // namespace godot_executorch::audio
