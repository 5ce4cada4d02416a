#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/call.h"
#include "model/figures.h"
#include "model/loaded_method.h"
#include "model/loaded_program.h"
#include "model/memory_pool.h"
#include "model/tracer.h"

namespace godot_executorch {

enum class OptimizationLevel : int { None = 0, Basic = 1, Aggressive = 2 };

/// A .ptd file: by its path, or read through a function.
struct ExternalWeights {
    ExternalWeights(std::string file) : path(std::move(file)) {}

    std::string path;
    ReadAt read;  // instead of opening the path, when there is one
    size_t size = 0;
    std::string sha256;  // hex; checked when not empty
};

struct LoadOptions {
    bool mmap = true;
    std::string sha256;  // hex; checked when not empty
    std::vector<ExternalWeights> external;
    int trial_seconds = 0;  // how long a program without a hash may take in a child process first; 0 = no trial
};

/// Bytes. total = program + planned (unless pooled) + allocators + unused + delegate: what this session added to the
/// process. Weights that stay in a mapped file are pages of the system's cache and do not count.
struct MemoryInfo {
    size_t program = 0;    // heap that holds parts of the file
    size_t constants = 0;  // bytes of the file that are mapped, or were read by a delegate
    std::vector<int64_t> planned;
    size_t pooled = 0;      // planned bytes that come from a pool
    size_t allocators = 0;  // held by the method and temporary allocators
    size_t unused = 0;      // of a STATIC block
    size_t method_allocator_used = 0;
    size_t method_allocator_peak = 0;
    size_t temporary_peak = 0;
    size_t delegate = 0;  // by the C library's accounting around load and first call
    MemoryPolicy policy = MemoryPolicy::Auto;
    size_t limit = 0;
    size_t total = 0;
};

/// A tensor that owns its elements, for callers outside Godot.
struct TensorValue {
    Dtype dtype = Dtype::Float;
    Shape shape;
    std::vector<uint8_t> data;
};

/// A session: a program with its own methods, memory, state and figures. Every call takes the session's lock.
class Model {
  public:
    Model() = default;
    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    Status load_from_file(const std::string& path, const LoadOptions& options = {});
    Status load_from_buffer(const void* data, size_t size, const LoadOptions& options = {});
    Status load_from_stream(ReadAt read, size_t size, const LoadOptions& options = {});
    /// The same program and weights; settings are taken over, state is not.
    std::unique_ptr<Model> new_session() const;
    /// Gives up what this one runs, and goes on as such a session; waits for a call that is under way.
    void become_session_of(const Model& other);
    void clear();
    bool is_loaded() const { return is_loaded_; }

    std::vector<std::string> method_names() const;
    Status method_signature(const std::string& method, MethodSignature& signature) const;
    Status set_signature(const std::string& method, const std::vector<ValueHint>& inputs,
                         const std::vector<ValueHint>& outputs);
    Status load_method(const std::string& method);
    Status reset_state();

    /// Inputs by position; the outputs are copies.
    Status forward(const std::vector<TensorValue>& inputs, std::vector<TensorValue>& outputs);
    Status execute(const std::string& method, const std::vector<TensorValue>& inputs,
                   std::vector<TensorValue>& outputs);

    Status configure_memory(MemoryPolicy policy, size_t limit_bytes);
    Status set_memory_pool(std::shared_ptr<MemoryPool> pool);
    Status set_optimization_level(OptimizationLevel level);
    /// Traces operators from the next call on. Methods are loaded anew (state is carried over), because only a method
    /// without a tracer costs nothing.
    Status enable_profiling(bool enabled);
    /// Empty while profiling is off. Does not wait for a running call.
    Profile get_profile() const;
    Status save_etdump(const std::string& path);

    /// Does not wait for a running call: while one runs, these are the figures from before it.
    MemoryInfo get_memory_info() const;
    /// Never waits.
    StatisticsReport get_statistics() const { return figures_.report(); }
    void reset_statistics() { figures_.reset_statistics(); }
    Figures& figures() { return figures_; }
    double load_us() const { return load_us_; }
    /// Milliseconds.
    double get_last_inference_time() const { return figures_.last_us() / 1000.0; }

  private:
    friend class Call;

    Status adopt(std::unique_ptr<DataSource> source, const LoadOptions& options);
    /// The program and the settings, without state. Under both models' locks, as far as others can reach them.
    void share_program_of(const Model& other);
    static Status try_program(const std::shared_ptr<const LoadedProgram>& program, int seconds);
    Status ready_method(const std::string& name, LoadedMethod*& method);
    Status instantiate(const MethodSignature& signature, std::unique_ptr<LoadedMethod>& method);
    /// Loads methods that are loaded once more, with their state. Those that cannot be are not loaded afterwards.
    Status reload(std::vector<std::string> names);
    std::vector<std::string> loaded_names() const;
    Status add_method(const MethodSignature& signature, LoadedMethod*& method);
    MethodSignature* find_signature(const std::string& name);
    Status reload_all();
    void warm_up(LoadedMethod& method);
    MemoryInfo measure_memory() const;
    Status unknown_method(const std::string& name) const;
    void clear_locked();

    mutable std::mutex mutex_;
    std::shared_ptr<const LoadedProgram> program_;
    std::vector<MethodSignature> signatures_;
    MemoryPolicy policy_ = MemoryPolicy::Auto;
    size_t limit_ = 0;
    OptimizationLevel level_ = OptimizationLevel::Basic;
    std::shared_ptr<MemoryPool> pool_;
    std::unique_ptr<StaticBlock> block_;
    std::map<std::string, std::unique_ptr<LoadedMethod>> methods_;
    LoadedMethod* forward_ = nullptr;
    std::shared_ptr<Tracer> tracer_;
    mutable std::mutex tracer_mutex_;  // guards the pointer for readers that do not wait
    Figures figures_;
    mutable std::mutex info_mutex_;
    mutable MemoryInfo info_;  // as of the last look
    std::atomic<bool> is_loaded_{false};
    std::atomic<double> load_us_{0};
};

}  // namespace godot_executorch
