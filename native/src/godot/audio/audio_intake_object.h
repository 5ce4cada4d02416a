#pragma once

#include <memory>

#include "core/audio/audio_intake.h"
#include "godot/binding/binding.h"

namespace godot_executorch::godot {

/// The class behind the nodes of addons/executorch/tasks/audio: AudioIntake with Godot's values. One thread pushes, one
/// reads. Functions that can fail return {code, name, cause, remedy}, empty on success.
class ExecuTorchNativeAudioIntake {
  public:
    static constexpr const char* kName = "ExecuTorchNativeAudioIntake";
    static void bind();

    explicit ExecuTorchNativeAudioIntake(GDExtensionObjectPtr) {}

    /// Before all others: the rate of what is read (Hz), and how many samples may wait.
    Dictionary begin(int64_t rate, int64_t capacity);
    Dictionary push(const PackedFloat32Array& samples, int64_t channels, int64_t rate);
    void finish();
    int64_t available() const;
    /// At most `count` samples.
    PackedFloat32Array read(int64_t count);
    void forget();
    int64_t get_dropped() const;

    /// A whole sound as one channel of another rate: {samples} or {error}.
    Dictionary convert(const PackedFloat32Array& samples, int64_t channels, int64_t from, int64_t to) const;
    /// The samples of an AudioStreamWAV of 8 or 16 bits.
    PackedFloat32Array decode(const PackedByteArray& bytes, int64_t bits) const;

  private:
    std::unique_ptr<audio::AudioIntake> intake_;
};

}  // namespace godot_executorch::godot
