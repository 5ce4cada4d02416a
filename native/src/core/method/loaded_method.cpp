#include "core/method/loaded_method.h"

#include <executorch/extension/threadpool/threadpool_guard.h>
#include <executorch/runtime/backend/backend_options_map.h>
#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/backend/options.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "core/method/load_failure.h"
#include "core/runtime/guarded.h"
#include "core/tensor/layout.h"

namespace godot_executorch {
namespace {

using executorch::extension::threadpool::NoThreadPoolGuard;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::TensorShapeDynamism;
using executorch::runtime::etensor::Tensor;

constexpr const char kXnnpack[] = "XnnpackBackend";

uint64_t next_revision() {
    static std::atomic<uint64_t> last{0};
    return ++last;
}

const EValue& input_of(const executorch::runtime::Method& method, size_t index) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    return method.get_input(index);
#pragma GCC diagnostic pop
}

const Tensor* input_tensor(const executorch::runtime::Method& method, size_t index) {
    const EValue& value = input_of(method, index);
    return value.isTensor() ? &value.toTensor() : nullptr;
}

Status check_backends(const MethodSignature& signature) {
    for (const std::string& backend : signature.backends) {
        if (executorch::runtime::get_backend_class(backend.c_str()) == nullptr) {
            return Status(Code::BackendMissing, "method " + signature.name + " needs the backend " + backend +
                                                    ", which this build does not have");
        }
    }
    return {};
}

}  // namespace

LoadedMethod::LoadedMethod(std::shared_ptr<const LoadedProgram> program, const MethodSignature& signature,
                           const LoadSettings& settings)
    : program_(std::move(program)),
      signature_(signature),
      revision_(next_revision()),
      one_thread_(settings.one_thread),
      memory_(settings.memory),
      inputs_(signature.inputs.size()) {
    equal_sizes_ = find_equal_sizes(signature_);
}

LoadedMethod::~LoadedMethod() {
    program_->give_up(packed_);
}

Status LoadedMethod::load(std::shared_ptr<const LoadedProgram> program, const MethodSignature& signature,
                          const LoadSettings& settings, std::unique_ptr<LoadedMethod>& method) {
    return guarded("loading the method", [&]() -> Status {
        std::unique_ptr<LoadedMethod> loaded(new LoadedMethod(std::move(program), signature, settings));
        Status status = check_backends(loaded->signature_);
        if (status.ok()) {
            status = loaded->memory_.plan(signature.planned_memory, signature.has_state)
                         .within("method " + signature.name + ": ");
        }
        if (status.ok()) {
            status = loaded->load_method(settings);
        }
        if (status.ok()) {
            method = std::move(loaded);
        }
        return status;
    });
}

Status LoadedMethod::load_method(const LoadSettings& settings) {
    packed_file_ = PackedFile::choose(settings.payload, signature_.name, program_->file_bytes());
    const std::string& packed = packed_file_.path().empty() ? settings.weights_key : packed_file_.path();
    executorch::runtime::BackendOptions<3> xnnpack;
    executorch::runtime::LoadBackendOptionsMap options;
    if (xnnpack.set_option("workspace_sharing_mode", settings.share_workspace ? 2 : 1) != Error::Ok ||
        xnnpack.set_option("weight_cache_enabled", settings.share_weights) != Error::Ok ||
        xnnpack.set_option("packed_cache_path", packed.c_str()) != Error::Ok ||
        options.set_options(kXnnpack, xnnpack.view()) != Error::Ok) {
        return Status(Code::InvalidOption, "cannot set the options of " + std::string(kXnnpack));
    }
    ReleasedParts released;
    std::optional<NoThreadPoolGuard> serial;
    if (one_thread_) {
        serial.emplace();
    }
    const ProgramAllocator::Choice allocator(memory_.method_allocator());
    auto result = program_->program().load_method(signature_.name.c_str(), memory_.manager(), settings.tracer,
                                                  program_->data_map(), &options);
    if (!result.ok()) {
        return load_failure(result.error(), signature_.name);
    }
    method_.emplace(std::move(result.get()));
    read_dynamism();
    Status status = give_output_memory();
    if (!status.ok()) {
        return status;
    }
    status = memory_.hold_to_limit();
    if (!status.ok()) {
        return std::move(status).within("method " + signature_.name + ": ");
    }
    packed_file_.keep();
    note_packed(released.take(), settings.share_weights);
    memory_.capture_initial_state();
    for (size_t i = 0; i < signature_.outputs.size(); ++i) {
        outputs_.push_back(&method_->get_output(i));
    }
    return {};
}

void LoadedMethod::set_signature(const MethodSignature& signature) {
    signature_ = signature;
    revision_ = next_revision();
    equal_sizes_ = find_equal_sizes(signature_);
    read_dynamism();
    for (InputSlot& slot : inputs_) {
        slot.tensor.reset();  // the ranges may be others now
        slot.bound = nullptr;
    }
}

void LoadedMethod::read_dynamism() {
    for (size_t i = 0; i < signature_.inputs.size(); ++i) {
        ValueSpec& spec = signature_.inputs[i];
        const Tensor* tensor = input_tensor(*method_, i);
        spec.is_dynamic = tensor != nullptr && tensor->shape_dynamism() != TensorShapeDynamism::STATIC;
        if (spec.is_dynamic && !spec.has_ranges) {
            std::fill_n(spec.minimum.begin(), spec.shape.rank, 1);
        }
    }
}

Status LoadedMethod::give_output_memory() {
    for (size_t i = 0; i < signature_.outputs.size(); ++i) {
        const EValue& value = method_->get_output(i);
        if (!value.isTensor() || value.toTensor().const_data_ptr() != nullptr) {
            continue;
        }
        const ValueSpec& spec = signature_.outputs[i];
        const size_t size = std::max<size_t>(spec.element_count * dtype_size(spec.dtype), 1);
        void* buffer = memory_.allocate(size);
        if (buffer == nullptr) {
            return Status(Code::MemoryLimitExceeded, "no " + std::to_string(size) + " bytes for " + spec.name);
        }
        const Error error = method_->set_output_data_ptr(buffer, size, i);
        if (error != Error::Ok) {
            return Status(error, "cannot give memory to " + spec.name);
        }
    }
    return {};
}

void LoadedMethod::shape_slot(const ValueSpec& spec, const Shape& shape, InputSlot& slot) {
    slot.shape = shape;
    Shape inferred;
    slot.is_only_shape = spec.infer_shape(shape.element_count(), inferred).ok() && inferred == shape;
    slot.dim_order = spec.dim_order;
    slot.strides.assign(shape.rank, 1);
    int32_t stride = 1;
    for (size_t i = shape.rank; i-- > 0;) {
        const size_t dimension = slot.dim_order[i];
        slot.strides[dimension] = stride;
        stride *= std::max(shape.sizes[dimension], 1);
    }
    if (!spec.is_contiguous()) {
        slot.staging.resize(shape.element_count() * dtype_size(spec.dtype));
    }
    slot.tensor.emplace(spec.dtype, static_cast<ssize_t>(shape.rank), slot.shape.sizes.data(), nullptr,
                        slot.dim_order.data(), slot.strides.data(), TensorShapeDynamism::DYNAMIC_BOUND);
}

Status LoadedMethod::set_tensor(size_t index, const Shape& shape, const void* data) {
    const ValueSpec& spec = signature_.inputs[index];
    InputSlot& slot = inputs_[index];
    const bool same_shape = slot.tensor && slot.shape == shape;
    if (!same_shape) {
        slot.bound = nullptr;
        shape_slot(spec, shape, slot);
    }
    if (slot.bound != nullptr) {
        write_bound(spec, slot, data);
        return {};
    }
    if (!slot.staging.empty()) {
        reorder(static_cast<const uint8_t*>(data), slot.staging.data(), shape, slot.strides.data(),
                dtype_size(spec.dtype), true);
        data = slot.staging.data();
    }
    slot.tensor->set_data(const_cast<void*>(data));
    Status status = set_value(index, EValue(Tensor(&*slot.tensor)));
    if (status.ok() && slot.staging.empty()) {
        slot.bound = input_tensor(*method_, index)->unsafeGetTensorImpl();
        slot.bound_bytes = slot.bound->nbytes();
    }
    return status;
}

bool LoadedMethod::set_same_shape(size_t index, const void* data, size_t count) {
    InputSlot& slot = inputs_[index];
    if (slot.bound == nullptr || !slot.is_only_shape || static_cast<size_t>(slot.bound->numel()) != count) {
        return false;
    }
    write_bound(signature_.inputs[index], slot, data);
    return true;
}

void LoadedMethod::write_bound(const ValueSpec& spec, InputSlot& slot, const void* data) {
    // What Method::set_input does once dtype and shape are known to be right.
    if (spec.is_planned) {
        std::memcpy(slot.bound->mutable_data(), data, slot.bound_bytes);
    } else {
        slot.bound->set_data(const_cast<void*>(data));
    }
}

Status LoadedMethod::set_value(size_t index, const EValue& value) {
    const Error error = method_->set_input(value, index);
    if (error != Error::Ok) {
        return Status(error, "cannot set " + signature_.inputs[index].name);
    }
    return {};
}

const EValue& LoadedMethod::input(size_t index) const {
    return input_of(*method_, index);
}

void LoadedMethod::note_packed(std::vector<ReleasedPart> parts, bool shared) {
    if (shared) {
        packed_ = std::move(parts);
        delegate_bytes_ = program_->claim(packed_);
        return;
    }
    for (const ReleasedPart& part : parts) {
        delegate_bytes_ += part.size;
    }
}

}  // namespace godot_executorch
