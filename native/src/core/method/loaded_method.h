#pragma once

#include <executorch/runtime/core/event_tracer.h>
#include <executorch/runtime/executor/method.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/memory/method_memory.h"
#include "core/method/equal_sizes.h"
#include "core/packed/packed_file.h"
#include "core/program/loaded_program.h"
#include "core/program/signature.h"
#include "core/runtime/thread_pool_gate.h"

namespace godot_executorch {

/// Settings of a method, which the backends read only while it is loaded.
struct LoadSettings {
    MemorySource memory;
    executorch::runtime::EventTracer* tracer = nullptr;
    bool one_thread = false;
    bool share_workspace = false;
    bool share_weights = false;
    std::string weights_key;  // packed weights are shared among methods with the same key
    std::string payload;      // names what is in the program's files; empty: packed weights stay on the heap
};

/// A method of a session, ready to run: ExecuTorch's Method with its memory, its inputs and outputs. Not thread-safe.
class LoadedMethod {
  public:
    using Deadline = std::chrono::steady_clock::time_point;

    static Status load(std::shared_ptr<const LoadedProgram> program, const MethodSignature& signature,
                       const LoadSettings& settings, std::unique_ptr<LoadedMethod>& method);
    ~LoadedMethod();

    const MethodSignature& signature() const { return signature_; }
    /// Puts names and ranges into the signature (apply_hints).
    void set_signature(const MethodSignature& signature);
    /// False when it must be loaded again before the next call.
    bool is_current() const { return is_valid() && !is_unfinished_; }
    /// False once the thread pool or the memory pool's block that it was loaded with was replaced, or a file that it
    /// maps was cut short; then it must not run.
    bool is_valid() const {
        return (one_thread_ || thread_pool_generation_ == ThreadPoolUse::generation()) &&
               memory_.is_in_current_block() && !packed_file_.is_cut();
    }
    /// Differs after every change of the signature, and between methods.
    uint64_t revision() const { return revision_; }
    /// Later methods have higher numbers.
    uint64_t load_order() const { return load_order_; }

    /// `data` holds the spec's dtype in C order; it must live until execute() returns.
    Status set_tensor(size_t index, const Shape& shape, const void* data);
    /// The same for elements without a shape, when the last call had the one shape that so many can have; else false.
    bool set_same_shape(size_t index, const void* data, size_t count);
    Status set_value(size_t index, const executorch::runtime::EValue& value);
    Status execute();
    /// In place of execute(): begin_slices(), then advance() until it has ended. When one fails, or the rest never
    /// runs, the method is not current any more.
    Status begin_slices();
    /// Runs instructions until the deadline, as far as their last times say; at least one.
    Status advance(Deadline deadline, bool& has_ended);

    /// What a call was given; valid until execute().
    const executorch::runtime::EValue& input(size_t index) const;
    /// Valid until the next call.
    const executorch::runtime::EValue& output(size_t index) const { return *outputs_[index]; }

    /// The planned buffers with the state after the last whole call; empty when they are a pool's.
    PlannedCopy copy_planned() const;
    void reset_state() { memory_.restore_initial_state(); }
    MethodMemory& memory() { return memory_; }
    const MethodMemory& memory() const { return memory_; }
    /// Bytes of weights that the delegates packed when it was loaded, and that no other method had packed already.
    /// Those that are mapped from a file do not count.
    size_t delegate_bytes() const { return packed_file_.bytes() > 0 ? 0 : delegate_bytes_; }
    /// Bytes of packed weights that are mapped from a file.
    size_t packed_file_bytes() const { return packed_file_.bytes(); }

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
        bool is_only_shape = false;  // that so many elements can have
    };

    LoadedMethod(std::shared_ptr<const LoadedProgram> program, const MethodSignature& signature,
                 const LoadSettings& settings);
    Status load_method(const LoadSettings& settings);
    Status give_output_memory();
    void read_dynamism();
    void shape_slot(const ValueSpec& spec, const Shape& shape, InputSlot& slot);
    void write_bound(const ValueSpec& spec, InputSlot& slot, const void* data);
    void note_packed(std::vector<ReleasedPart> parts, bool shared);
    Status check_equal_sizes() const;
    bool fits(Deadline now, Deadline deadline) const;

    std::shared_ptr<const LoadedProgram> program_;
    MethodSignature signature_;
    uint64_t revision_;
    uint64_t load_order_ = revision_;
    bool one_thread_;
    uint64_t thread_pool_generation_ = ThreadPoolUse::generation();
    PackedFile packed_file_;  // outlives the method
    std::vector<ReleasedPart> packed_;
    size_t delegate_bytes_ = 0;
    MethodMemory memory_;
    std::vector<InputSlot> inputs_;
    std::vector<EqualSizes> equal_sizes_;
    std::vector<const executorch::runtime::EValue*> outputs_;  // in the method, which keeps them in one place
    std::optional<executorch::runtime::Method> method_;
    // Of slices: the number of the next instruction, how long each took last, and the state before the first.
    bool is_unfinished_ = false;
    size_t step_ = 0;
    std::vector<Deadline::duration> step_times_;
    PlannedCopy before_slices_;
};

}  // namespace godot_executorch
