#include "godot/conversion/batch.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace godot_executorch::godot {
namespace {

using executorch::runtime::EValue;
using executorch::runtime::etensor::Tensor;

bool has_batch(const ValueSpec& spec) {
    return spec.is_tensor() && spec.shape.rank > 0;
}

/// How many rows one call takes.
int64_t capacity_of(const MethodSignature& signature) {
    int64_t capacity = std::numeric_limits<int64_t>::max();
    for (const ValueSpec& spec : signature.inputs) {
        capacity = std::min<int64_t>(capacity, has_batch(spec) ? spec.shape.sizes[0] : 1);
    }
    return std::max<int64_t>(capacity, 1);
}

const Variant& value_of(const Variant& row, size_t input, bool single) {
    return single ? row : row.as<Array>()[static_cast<int64_t>(input)];
}

/// Copies one row's values to `target`.
Status take_row(const ValueSpec& spec, const Variant& value, size_t count, uint8_t* target,
                std::vector<uint8_t>& converted) {
    if (spec.dtype == Dtype::Float && value.type() == PackedFloat32Array::kType) {
        const auto& packed = value.as<PackedFloat32Array>();
        const int64_t packed_count = packed.size();
        if (packed_count > 0 && packed_count == static_cast<int64_t>(count)) {
            std::memcpy(target, PackedFloat32Array::read(packed.ptr(), packed_count), count * sizeof(float));
            return {};
        }
    }
    return to_elements(spec, value, count, target, converted);
}

Status check_row(const Array& rows, int64_t row, size_t inputs) {
    const Variant& value = rows[row];
    if (value.type() != Array::kType || value.as<Array>().size() != static_cast<int64_t>(inputs)) {
        return Status(Code::WrongInputCount,
                      "row " + std::to_string(row) + ": expected an Array of " + std::to_string(inputs) + " inputs");
    }
    return {};
}

}  // namespace

Status to_batch(LoadedMethod& method, const Array& rows, int64_t first, int64_t& taken, Staging& staging) {
    const std::vector<ValueSpec>& specs = method.signature().inputs;
    const bool single = specs.size() == 1;
    taken = std::min(rows.size() - first, capacity_of(method.signature()));
    for (int64_t row = first; !single && row < first + taken; ++row) {
        Status status = check_row(rows, row, specs.size());
        if (!status.ok()) {
            return status;
        }
    }
    const Variant* values = rows.data() + first;
    if (taken == 1) {
        for (size_t i = 0; i < specs.size(); ++i) {
            Status status = to_tensor(method, i, value_of(values[0], i, single), staging);
            if (!status.ok()) {
                return status;
            }
        }
        return {};
    }
    staging.resize(std::max(staging.size(), 2 * specs.size()));
    std::vector<uint8_t> converted_row;
    for (size_t i = 0; i < specs.size(); ++i) {
        const ValueSpec& spec = specs[i];
        const size_t row_count = spec.element_count / static_cast<size_t>(spec.shape.sizes[0]);
        const size_t row_bytes = row_count * dtype_size(spec.dtype);
        std::vector<uint8_t>& bytes = staging[2 * i];
        bytes.resize(row_bytes * static_cast<size_t>(taken) + 1);
        for (int64_t row = 0; row < taken; ++row) {
            uint8_t* target = bytes.data() + static_cast<size_t>(row) * row_bytes;
            Status status = take_row(spec, value_of(values[row], i, single), row_count, target, converted_row);
            if (!status.ok()) {
                return Status(static_cast<Code>(status.code()),
                              "row " + std::to_string(first + row) + ": " + status.failure().cause);
            }
        }
        Shape shape = spec.shape;
        shape.sizes[0] = static_cast<int32_t>(taken);
        Status status = spec.check(shape);
        status = status.ok() ? method.set_tensor(i, shape, bytes.data()) : std::move(status);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

void from_batch(const LoadedMethod& method, int64_t rows, Variant* results, std::vector<uint8_t>& scratch,
                ResultArrays& kept) {
    const size_t outputs = method.signature().outputs.size();
    if (outputs == 1) {
        to_godot_rows(method.output(0), rows, scratch, &kept, results);
        return;
    }
    for (int64_t row = 0; row < rows; ++row) {
        results[row] = Array(static_cast<int64_t>(outputs));
    }
    std::vector<Variant> column(static_cast<size_t>(rows));
    for (size_t i = 0; i < outputs; ++i) {
        to_godot_rows(method.output(i), rows, scratch, nullptr, column.data());
        for (int64_t row = 0; row < rows; ++row) {
            // An Array is shared by its copies.
            Array values = results[row].as<Array>();
            values[static_cast<int64_t>(i)] = column[static_cast<size_t>(row)];
        }
    }
}

}  // namespace godot_executorch::godot
