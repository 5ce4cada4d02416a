#include "godot/audio/audio_intake_object.h"

#include <algorithm>

#include "core/audio/pcm.h"
#include "godot/conversion/conversion.h"

namespace godot_executorch::godot {
namespace {

PackedFloat32Array to_packed(const std::vector<float>& values) {
    PackedFloat32Array packed(static_cast<int64_t>(values.size()));
    std::copy(values.begin(), values.end(), packed.data());
    return packed;
}

Dictionary described(const Status& status) {
    return status.ok() ? Dictionary() : to_godot(status.failure());
}

}  // namespace

Dictionary ExecuTorchNativeAudioIntake::begin(int64_t rate, int64_t capacity) {
    intake_.reset();
    audio::Resampler probe;
    Status status = audio::Resampler::create(rate, rate, probe);
    if (status.ok() && (capacity < 1 || capacity > audio::kLargestCapacity)) {
        status = Status(Code::InvalidOption, "capacity: expected 1 to " + std::to_string(audio::kLargestCapacity) +
                                                 " samples, got " + std::to_string(capacity));
    }
    if (status.ok()) {
        intake_ = std::make_unique<audio::AudioIntake>(rate, static_cast<size_t>(capacity));
    }
    return described(status);
}

Dictionary ExecuTorchNativeAudioIntake::push(const PackedFloat32Array& samples, int64_t channels, int64_t rate) {
    if (intake_ == nullptr) {
        return described(Status(Code::NotLoaded, "the intake has no rate", "Call begin() first."));
    }
    return described(intake_->push(samples.data(), static_cast<size_t>(samples.size()), channels, rate));
}

void ExecuTorchNativeAudioIntake::finish() {
    if (intake_ != nullptr) {
        intake_->finish();
    }
}

int64_t ExecuTorchNativeAudioIntake::available() const {
    return intake_ != nullptr ? static_cast<int64_t>(intake_->available()) : 0;
}

PackedFloat32Array ExecuTorchNativeAudioIntake::read(int64_t count) {
    const int64_t most = std::clamp<int64_t>(count, 0, available());
    PackedFloat32Array samples(most);
    if (most > 0) {
        intake_->read(samples.data(), static_cast<size_t>(most));
    }
    return samples;
}

void ExecuTorchNativeAudioIntake::forget() {
    if (intake_ != nullptr) {
        intake_->forget();
    }
}

int64_t ExecuTorchNativeAudioIntake::get_dropped() const {
    return intake_ != nullptr ? static_cast<int64_t>(intake_->dropped()) : 0;
}

Dictionary ExecuTorchNativeAudioIntake::convert(const PackedFloat32Array& samples, int64_t channels, int64_t from,
                                                int64_t to) const {
    std::vector<float> output;
    const Status status =
        audio::convert(samples.data(), static_cast<size_t>(samples.size()), channels, from, to, output);
    Dictionary result;
    if (!status.ok()) {
        result["error"] = to_godot(status.failure());
        return result;
    }
    result["samples"] = to_packed(output);
    return result;
}

PackedFloat32Array ExecuTorchNativeAudioIntake::decode(const PackedByteArray& bytes, int64_t bits) const {
    return to_packed(audio::decode_pcm(bytes.data(), static_cast<size_t>(bytes.size()), bits));
}

void ExecuTorchNativeAudioIntake::bind() {
    using Self = ExecuTorchNativeAudioIntake;
    ClassBinding<Self> bound(kName);
    bound.method({"begin", {"rate", "capacity"}}, &Self::begin);
    bound.method({"push", {"samples", "channels", "rate"}}, &Self::push);
    bound.method({"finish"}, &Self::finish);
    bound.method({"available"}, &Self::available);
    bound.method({"read", {"count"}}, &Self::read);
    bound.method({"forget"}, &Self::forget);
    bound.method({"get_dropped"}, &Self::get_dropped);
    bound.method({"convert", {"samples", "channels", "from", "to"}}, &Self::convert);
    bound.method({"decode", {"bytes", "bits"}}, &Self::decode);
}

}  // namespace godot_executorch::godot
