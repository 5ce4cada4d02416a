#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/session/session.h"
#include "godot/binding/binding.h"
#include "godot/module/call_buffers.h"

namespace godot_executorch::godot {

/// The class that GDScript sees (docs/architecture.md has its table): Session with Godot's values.
class ExecuTorchModule {
  public:
    static constexpr const char* kName = "ExecuTorchModule";
    /// How long an unknown program may take in a child process before it is refused.
    static constexpr int kTrialSeconds = 20;
    static void bind();

    explicit ExecuTorchModule(GDExtensionObjectPtr object);

    int64_t load_from_file(const String& path, const Dictionary& options);
    int64_t load_from_buffer(const PackedByteArray& data, const Dictionary& options);
    int64_t load_from_stream(const ObjectRef& reader, const Dictionary& options);
    ObjectRef new_session();
    int64_t become_session_of(const ObjectRef& other);
    void clear();
    bool is_loaded() const;

    PackedStringArray get_method_names() const;
    Dictionary get_method_meta(const String& method);
    int64_t set_signature(const String& method, const Array& inputs, const Array& outputs);
    int64_t load_method(const String& method);

    Dictionary forward(const Dictionary& inputs);
    Dictionary execute(const String& method, const Dictionary& inputs);
    Returned<PackedFloat32Array> forward_packed(const PackedFloat32Array& input);
    Array forward_array(const Array& inputs);
    Array execute_tensors(const String& method, const Array& inputs);
    /// One result per row; models with a dynamic batch run many rows at once.
    Array forward_batch(const Array& rows);
    /// An ExecuTorchNativeSlicedRun of a method. The inputs must not change until it has ended.
    ObjectRef begin_sliced(const String& method, const Dictionary& inputs);
    int64_t reset_state();

    int64_t configure_memory(int64_t policy, int64_t limit_bytes);
    int64_t set_memory_pool(const ObjectRef& pool);
    int64_t set_optimization_level(int64_t level);
    int64_t enable_profiling(bool enabled);
    Dictionary get_profile() const;
    int64_t save_etdump(const String& path);
    void set_call_log(int64_t capacity);
    PackedFloat64Array take_call_log();
    /// Keeps copies of the inputs of the next `calls` calls; 0 = stops, and drops the copies.
    void record_inputs(int64_t calls);
    /// Since the last take: [{method, inputs: [{data, shape, dtype}, or a number]}].
    Array take_recorded_inputs();
    Dictionary get_memory_info() const;
    Dictionary get_statistics() const;
    void reset_statistics();
    double get_last_inference_time() const;
    /// The failure of the calling thread's last call; empty when it succeeded.
    Dictionary get_last_error() const;
    /// Keeps a failure for the calling thread, or forgets its last one. Returns its code.
    int64_t keep_error(Status status);

    static PackedStringArray get_backends();
    static PackedStringArray get_operators();
    static Dictionary get_versions();
    static void set_num_threads(const int64_t& count);
    static int64_t get_num_threads();
    static void set_log_level(const int64_t& level);
    static int64_t load_library(const String& path);
    /// Names the file that stores the results of trials.
    static void keep_tried_files(const String& path);
    static void keep_packed_weights(const String& folder, const int64_t& least_bytes, const int64_t& most_bytes);
    /// {ok, seconds, code, name, cause, remedy}: what loading an unknown file checks, without keeping it.
    static Dictionary verify_file(const String& path);
    static String get_file_identity(const String& path);

    /// Pixels as get_pixel() has them, minus mean, by deviation; width or height 0 = the image's own. frame: [width,
    /// height, left, top] of a larger picture around the image, or empty. Empty on an error, which is printed.
    static PackedFloat32Array image_to_tensor(const ObjectRef& image, int64_t width, int64_t height,
                                              const String& channels, const PackedFloat32Array& mean,
                                              const PackedFloat32Array& deviation, const String& layout,
                                              const PackedInt32Array& frame, double padding);
    /// Reverses image_to_tensor: 8-bit pixels of RGB, RGBA or grey.
    static PackedByteArray tensor_to_pixels(const PackedFloat32Array& values, int64_t width, int64_t height,
                                            const String& channels, const PackedFloat32Array& mean,
                                            const PackedFloat32Array& deviation, const String& layout);
    static PackedInt64Array argmax(const PackedFloat32Array& values, int64_t row);
    static PackedFloat32Array softmax(const PackedFloat32Array& values, int64_t row);
    static PackedInt64Array topk(const PackedFloat32Array& values, int64_t count);
    static PackedFloat32Array to_channels_last(const PackedFloat32Array& values, int64_t channels);
    static PackedFloat32Array to_channels_first(const PackedFloat32Array& values, int64_t channels);

  private:
    Status give_named(Call& call, const Dictionary& inputs);
    Status give_positional(Call& call, const Array& inputs);
    Status unknown_names(const MethodSignature& signature, const Dictionary& inputs) const;
    void take_named(Call& call, Dictionary& outputs);
    void note_inputs(Call& call);
    template <typename Give, typename Take>
    void run(Call& call, Status begun, Give give, Take take);

    const GDExtensionObjectPtr object_;
    std::unique_ptr<Session> session_;
    std::mutex recorded_mutex_;
    Array recorded_;
    size_t recorded_bytes_ = 0;
    std::atomic<int64_t> to_record_{0};
    mutable std::mutex error_mutex_;
    std::map<std::thread::id, Failure> errors_;  // of threads whose last call failed
    std::atomic<bool> has_errors_{false};
};

}  // namespace godot_executorch::godot
