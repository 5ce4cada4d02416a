#pragma once

#include <executorch/runtime/core/event_tracer.h>
#include <executorch/runtime/executor/method.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/loaded_program.h"
#include "model/method_memory.h"
#include "model/pool_gate.h"
#include "model/signature.h"

namespace godot_executorch {

/// How a method is loaded; the backends see it only then.
struct LoadSettings {
    MemorySource memory;
    executorch::runtime::EventTracer* tracer = nullptr;
    bool one_thread = false;
    bool share_workspace = false;
    bool share_weights = false;
    std::string weights_key;  // packed weights are shared among methods with the same key
};

/// A method of a session, ready to run: ExecuTorch's Method with its memory, its inputs and outputs. Not thread-safe.
class LoadedMethod {
  public:
    static Status load(std::shared_ptr<const LoadedProgram> program, const MethodSignature& signature,
                       const LoadSettings& settings, std::unique_ptr<LoadedMethod>& method);
    ~LoadedMethod();

    const MethodSignature& signature() const { return signature_; }
    /// Puts names and ranges into the signature (apply_hints).
    void set_signature(const MethodSignature& signature);
    /// False once the thread pool that it was loaded with is gone; it must not run then.
    bool has_current_pool() const { return one_thread_ || pool_generation_ == PoolUse::generation(); }
    /// Differs after every change of the signature, and between methods.
    uint64_t revision() const { return revision_; }
    /// Grows from method to method.
    uint64_t load_order() const { return load_order_; }

    /// `data` holds the spec's dtype in C order; it must live until execute() returns.
    Status set_tensor(size_t index, const Shape& shape, const void* data);
    /// The same for the shape of the last call; false when there was none, or it had another number of elements.
    bool set_same_shape(size_t index, const void* data, size_t count);
    Status set_value(size_t index, const executorch::runtime::EValue& value);
    Status execute();

    /// What a call was given; valid until execute().
    const executorch::runtime::EValue& input(size_t index) const;
    /// Valid until the next call.
    const executorch::runtime::EValue& output(size_t index) const { return *outputs_[index]; }
    /// A tensor output's elements in C order; `scratch` is used when the model lays them out otherwise.
    static const void* contiguous_data(const executorch::runtime::etensor::Tensor& tensor,
                                       std::vector<uint8_t>& scratch);

    void reset_state() { memory_.restore_initial_state(); }
    MethodMemory& memory() { return memory_; }
    const MethodMemory& memory() const { return memory_; }
    /// Bytes that the delegates took from the process's heap while loading and in the first call.
    size_t delegate_bytes() const { return delegate_bytes_; }

  private:
    struct InputSlot {
        Shape shape;
        std::vector<uint8_t> dim_order;
        std::vector<int32_t> strides;
        std::vector<uint8_t> staging;
        std::optional<executorch::runtime::etensor::TensorImpl> tensor;
        // The method's own tensor, once it has this shape: then only the data changes from call to call.
        executorch::runtime::etensor::TensorImpl* bound = nullptr;
        size_t bound_bytes = 0;
    };

    LoadedMethod(std::shared_ptr<const LoadedProgram> program, const MethodSignature& signature,
                 const LoadSettings& settings);
    Status load_method(const LoadSettings& settings);
    Status give_output_memory();
    void read_dynamism();
    void shape_slot(const ValueSpec& spec, const Shape& shape, InputSlot& slot);
    void write_bound(const ValueSpec& spec, InputSlot& slot, const void* data);
    Status run();

    std::shared_ptr<const LoadedProgram> program_;
    MethodSignature signature_;
    uint64_t revision_;
    uint64_t load_order_ = revision_;
    bool one_thread_;
    uint64_t pool_generation_ = PoolUse::generation();
    bool is_warm_ = false;
    size_t delegate_bytes_ = 0;
    MethodMemory memory_;
    std::vector<InputSlot> inputs_;
    std::vector<const executorch::runtime::EValue*> outputs_;  // in the method, which keeps them in one place
    std::optional<executorch::runtime::Method> method_;
};

}  // namespace godot_executorch
