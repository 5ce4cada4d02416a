#include "model/signature.h"

#include <algorithm>

namespace godot_executorch {
namespace {

using executorch::runtime::MethodMeta;
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

Shape Shape::of(const int32_t* sizes, size_t rank) {
    Shape shape;
    shape.rank = std::min(rank, kMaximumRank);
    std::copy_n(sizes, shape.rank, shape.sizes.begin());
    return shape;
}

size_t Shape::element_count() const {
    size_t count = 1;
    for (size_t i = 0; i < rank; ++i) {
        count *= static_cast<size_t>(sizes[i]);
    }
    return count;
}

bool Shape::operator==(const Shape& other) const {
    return rank == other.rank && std::equal(sizes.begin(), sizes.begin() + rank, other.sizes.begin());
}

std::string Shape::text() const {
    std::string result = "[";
    for (size_t i = 0; i < rank; ++i) {
        result += (i > 0 ? "," : "") + std::to_string(sizes[i]);
    }
    return result + "]";
}

bool ValueSpec::is_contiguous() const {
    for (size_t i = 0; i < dim_order.size(); ++i) {
        if (dim_order[i] != i) {
            return false;
        }
    }
    return true;
}

std::string ValueSpec::text() const {
    std::string result = std::string(dtype_name(dtype)) + "[";
    for (size_t i = 0; i < shape.rank; ++i) {
        result += i > 0 ? "," : "";
        if (minimum[i] != shape.sizes[i]) {
            result += std::to_string(minimum[i]) + "..";
        }
        result += std::to_string(shape.sizes[i]);
    }
    return result + "]";
}

Status ValueSpec::check(const Shape& given) const {
    const auto mismatch = [&](const std::string& where) {
        return Status(Code::WrongShape, name + ": expected " + text() + ", got " + given.text() + where);
    };
    if (given.rank != shape.rank) {
        return mismatch(" (" + std::to_string(given.rank) + " dimensions instead of " + std::to_string(shape.rank) +
                        ")");
    }
    for (size_t i = 0; i < given.rank; ++i) {
        if (given.sizes[i] < minimum[i] || given.sizes[i] > shape.sizes[i]) {
            return mismatch(" (dimension " + std::to_string(i) + ")");
        }
    }
    return {};
}

Status ValueSpec::infer_shape(size_t count, Shape& result) const {
    result = shape;
    if (count == element_count) {
        return {};
    }
    size_t fixed = 1;
    size_t open = 0;
    size_t open_count = 0;
    for (size_t i = 0; i < shape.rank; ++i) {
        if (minimum[i] == shape.sizes[i]) {
            fixed *= static_cast<size_t>(shape.sizes[i]);
        } else {
            open = i;
            ++open_count;
        }
    }
    if (open_count == 1 && fixed > 0 && count % fixed == 0 && count / fixed <= static_cast<size_t>(shape.sizes[open])) {
        result.sizes[open] = static_cast<int32_t>(count / fixed);
        return check(result);
    }
    if (is_dynamic && !has_ranges && shape.rank > 0) {
        // The program alone does not say which dimension is dynamic; nearly always it is the batch.
        const size_t rest = shape.sizes[0] > 0 ? element_count / static_cast<size_t>(shape.sizes[0]) : 0;
        if (rest > 0 && count % rest == 0 && count > 0 && count < element_count) {
            result.sizes[0] = static_cast<int32_t>(count / rest);
            return {};
        }
    }
    std::string cause = name + ": expected " + text() + " (";
    cause += open_count == 0 ? std::to_string(element_count) + " values)"
                             : "up to " + std::to_string(element_count) + " values)";
    cause += ", got " + std::to_string(count) + " values";
    if (open_count > 1) {
        return Status(Code::WrongShape, cause + " without a shape", "Give {\"data\": ..., \"shape\": [...]}.");
    }
    return Status(Code::WrongShape, cause);
}

Status read_signature(const MethodMeta& meta, MethodSignature& signature) {
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

Status apply_hints(const std::vector<ValueHint>& hints, const char* what, std::vector<ValueSpec>& specs) {
    if (hints.size() != specs.size()) {
        return Status(Code::WrongInputCount, std::string("the program has ") + std::to_string(specs.size()) + " " +
                                                 what + "s, the metadata " + std::to_string(hints.size()));
    }
    for (size_t i = 0; i < hints.size(); ++i) {
        const ValueHint& hint = hints[i];
        ValueSpec& spec = specs[i];
        const std::string name = hint.name.empty() ? spec.name : hint.name;
        if (!hint.dtype.empty() && spec.is_tensor() && hint.dtype != dtype_name(spec.dtype)) {
            return Status(Code::WrongDtype,
                          name + ": the program has " + dtype_name(spec.dtype) + ", the metadata " + hint.dtype);
        }
        std::array<int32_t, kMaximumRank> minimum = spec.minimum;
        if (!hint.ranges.empty() && hint.ranges.size() != spec.shape.rank) {
            return Status(Code::WrongShape, name + ": the program has " + std::to_string(spec.shape.rank) +
                                                " dimensions, the metadata " + std::to_string(hint.ranges.size()));
        }
        for (size_t d = 0; d < hint.ranges.size(); ++d) {
            const auto [low, high] = hint.ranges[d];
            if (low < 0 || low > high || high != spec.shape.sizes[d]) {
                return Status(Code::WrongShape, name + ": dimension " + std::to_string(d) + " is at most " +
                                                    std::to_string(spec.shape.sizes[d]) + " in the program, " +
                                                    std::to_string(low) + ".." + std::to_string(high) +
                                                    " in the metadata");
            }
            minimum[d] = static_cast<int32_t>(low);
        }
        spec.minimum = minimum;
        spec.has_ranges = !hint.ranges.empty();
        spec.name = name;
    }
    return {};
}

}  // namespace godot_executorch
