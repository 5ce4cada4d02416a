#include "core/program/signature.h"

#include <algorithm>

namespace godot_executorch {
namespace {

using executorch::runtime::Result;
using executorch::runtime::Tag;
using executorch::runtime::TensorInfo;

Status read_value(const Result<Tag>& tag, const Result<TensorInfo>& info, std::string name, ValueSpec& spec) {
    if (!tag.ok()) {
        return Status(tag.error(), "cannot read " + name);
    }
    spec.name = std::move(name);
    spec.tag = tag.get();
    if (!spec.is_tensor()) {
        return {};
    }
    if (!info.ok()) {
        return Status(info.error(), "cannot read " + spec.name);
    }
    const auto sizes = info->sizes();
    if (sizes.size() > kMaximumRank) {
        return Status(Code::StructureInvalid, spec.name + " has " + std::to_string(sizes.size()) + " dimensions");
    }
    spec.dtype = info->scalar_type();
    spec.shape = Shape::of(sizes.data(), sizes.size());
    std::copy_n(spec.shape.sizes.begin(), spec.shape.rank, spec.minimum.begin());
    spec.element_count = spec.shape.element_count();
    spec.is_planned = info->is_memory_planned();
    spec.dim_order.assign(info->dim_order().begin(), info->dim_order().end());
    return {};
}

}  // namespace

Status read_signature(const executorch::runtime::MethodMeta& meta, MethodSignature& signature) {
    signature.name = meta.name();
    signature.inputs.resize(meta.num_inputs());
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
        Status status =
            read_value(meta.input_tag(i), meta.input_tensor_meta(i), "input_" + std::to_string(i), signature.inputs[i]);
        if (!status.ok()) {
            return status;
        }
    }
    signature.outputs.resize(meta.num_outputs());
    for (size_t i = 0; i < signature.outputs.size(); ++i) {
        Status status = read_value(meta.output_tag(i), meta.output_tensor_meta(i), "output_" + std::to_string(i),
                                   signature.outputs[i]);
        if (!status.ok()) {
            return status;
        }
    }
    for (size_t i = 0; i < meta.num_memory_planned_buffers(); ++i) {
        const Result<int64_t> size = meta.memory_planned_buffer_size(i);
        if (!size.ok() || size.get() < 0) {
            return Status(Code::StructureInvalid, "planned buffer " + std::to_string(i) + " has no valid size");
        }
        signature.planned_memory.push_back(size.get());
    }
    for (size_t i = 0; i < meta.num_backends(); ++i) {
        const Result<const char*> name = meta.get_backend_name(i);
        // There is one entry per delegate; the names are what counts.
        std::vector<std::string>& backends = signature.backends;
        if (name.ok() && std::find(backends.begin(), backends.end(), name.get()) == backends.end()) {
            backends.emplace_back(name.get());
        }
    }
    signature.has_state = meta.num_attributes() > 0;
    return {};
}

}  // namespace godot_executorch
