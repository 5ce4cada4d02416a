// The operators `godot_executorch::take_rows`, `put_rows` and `add_rows` of importer/kernels/rows.py: whole rows of the
// first dimension, which the portable kernels of `index`, `index_put` and `scatter_add` move element by element.

#include <cstring>

#include "operator_arguments.h"
#include "traced.h"

namespace godot_executorch::kernels {
namespace {

using executorch::aten::ScalarType;
using executorch::aten::SizesType;
using executorch::aten::Tensor;
using executorch::ET_RUNTIME_NAMESPACE::KernelRuntimeContext;
using executorch::ET_RUNTIME_NAMESPACE::resize_tensor;
using executorch::runtime::Error;

/// The rows of a table: all of its first dimension.
struct Rows {
    int64_t count = 0;
    int64_t elements = 0;  // of one row
    size_t bytes = 0;      // of one row
};

Rows rows_of(const Tensor& table) {
    Rows rows;
    rows.count = table.size(0);
    if (rows.count > 0) {
        rows.elements = table.numel() / rows.count;
        rows.bytes = table.nbytes() / rows.count;
    }
    return rows;
}

bool is_inside(int64_t row, int64_t count) {
    return row >= -count && row < count;
}

/// Calls each(position, row) for every index; false when one is outside of the table. A negative one counts from the
/// end. Nothing is called when one is outside.
template <typename Index, typename Each>
bool over_indices(const Tensor& index, int64_t count, Each each) {
    const Index* values = index.const_data_ptr<Index>();
    for (ssize_t i = 0; i < index.numel(); ++i) {
        if (!is_inside(values[i], count)) {
            return false;
        }
    }
    for (ssize_t i = 0; i < index.numel(); ++i) {
        // Again, because a hostile program's results may lie where its indices do.
        const int64_t row = values[i];
        if (!is_inside(row, count)) {
            return false;
        }
        each(i, row < 0 ? row + count : row);
    }
    return true;
}

template <typename Each>
bool over_rows(const Tensor& index, int64_t count, Each each) {
    return index.scalar_type() == ScalarType::Long ? over_indices<int64_t>(index, count, each)
                                                   : over_indices<int32_t>(index, count, each);
}

bool is_index(const Tensor& index) {
    return is_contiguous(index) && (index.scalar_type() == ScalarType::Long || index.scalar_type() == ScalarType::Int);
}

void take_rows(KernelRuntimeContext& context, Values values) {
    const Tensor& table = values[0]->toTensor();
    const Tensor& index = values[1]->toTensor();
    Tensor& out = values[2]->toTensor();
    SizesType sizes[executorch::runtime::kTensorDimensionLimit];
    const size_t dimensions = index.dim() + table.dim() - 1;
    if (table.dim() < 1 || dimensions > executorch::runtime::kTensorDimensionLimit || !is_contiguous(table) ||
        !is_index(index) || out.scalar_type() != table.scalar_type()) {
        context.fail(Error::InvalidArgument);
        return;
    }
    for (ssize_t d = 0; d < index.dim(); ++d) {
        sizes[d] = static_cast<SizesType>(index.size(d));
    }
    for (ssize_t d = 1; d < table.dim(); ++d) {
        sizes[index.dim() + d - 1] = static_cast<SizesType>(table.size(d));
    }
    if (resize_tensor(out, {sizes, dimensions}) != Error::Ok) {
        context.fail(Error::InvalidArgument);
        return;
    }
    const Rows rows = rows_of(table);
    const auto* from = static_cast<const std::byte*>(table.const_data_ptr());
    auto* to = static_cast<std::byte*>(out.mutable_data_ptr());
    if (!over_rows(index, rows.count, [&](int64_t position, int64_t row) {
            std::memcpy(to + position * rows.bytes, from + row * rows.bytes, rows.bytes);
        })) {
        context.fail(Error::InvalidArgument);
    }
}

/// Checks base, index and source of an operator that changes rows, and copies the base into the result.
bool begin_changes(const Tensor& base, const Tensor& index, const Tensor& source, Tensor& out) {
    const bool fits = base.dim() >= 1 && index.dim() == 1 && source.dim() == base.dim() && is_contiguous(base) &&
                      is_contiguous(source) && is_index(index) && source.size(0) == index.size(0) &&
                      source.scalar_type() == base.scalar_type() && out.scalar_type() == base.scalar_type();
    if (!fits) {
        return false;
    }
    for (ssize_t d = 1; d < base.dim(); ++d) {
        if (base.size(d) != source.size(d)) {
            return false;
        }
    }
    if (resize_tensor(out, base.sizes()) != Error::Ok) {
        return false;
    }
    if (base.nbytes() > 0 && out.mutable_data_ptr() != base.const_data_ptr()) {
        std::memcpy(out.mutable_data_ptr(), base.const_data_ptr(), base.nbytes());
    }
    return true;
}

void put_rows(KernelRuntimeContext& context, Values values) {
    const Tensor& source = values[2]->toTensor();
    Tensor& out = values[3]->toTensor();
    if (!begin_changes(values[0]->toTensor(), values[1]->toTensor(), source, out)) {
        context.fail(Error::InvalidArgument);
        return;
    }
    const Rows rows = rows_of(out);
    const auto* from = static_cast<const std::byte*>(source.const_data_ptr());
    auto* to = static_cast<std::byte*>(out.mutable_data_ptr());
    if (!over_rows(values[1]->toTensor(), rows.count, [&](int64_t position, int64_t row) {
            std::memcpy(to + row * rows.bytes, from + position * rows.bytes, rows.bytes);
        })) {
        context.fail(Error::InvalidArgument);
    }
}

template <typename Number>
bool add(const Tensor& index, const Tensor& source, Tensor& out) {
    const Rows rows = rows_of(out);
    const auto* from = static_cast<const Number*>(source.const_data_ptr());
    auto* to = static_cast<Number*>(out.mutable_data_ptr());
    return over_rows(index, rows.count, [&](int64_t position, int64_t row) {
        const Number* given = from + position * rows.elements;
        Number* sum = to + row * rows.elements;
        for (int64_t i = 0; i < rows.elements; ++i) {
            sum[i] += given[i];
        }
    });
}

void add_rows(KernelRuntimeContext& context, Values values) {
    const Tensor& index = values[1]->toTensor();
    const Tensor& source = values[2]->toTensor();
    Tensor& out = values[3]->toTensor();
    bool done = begin_changes(values[0]->toTensor(), index, source, out);
    if (done) {
        switch (out.scalar_type()) {
            case ScalarType::Float:
                done = add<float>(index, source, out);
                break;
            case ScalarType::Double:
                done = add<double>(index, source, out);
                break;
            // Sums that leave the range of an integer wrap around, as in torch.
            case ScalarType::Int:
                done = add<uint32_t>(index, source, out);
                break;
            case ScalarType::Long:
                done = add<uint64_t>(index, source, out);
                break;
            default:
                done = false;
        }
    }
    if (!done) {
        context.fail(Error::InvalidArgument);
    }
}

// What the event tracer calls them.
constexpr char kTakeRowsEvent[] = "native_call_take_rows.out";
constexpr char kPutRowsEvent[] = "native_call_put_rows.out";
constexpr char kAddRowsEvent[] = "native_call_add_rows.out";

const executorch::runtime::Kernel kOperators[] = {
    executorch::runtime::Kernel("godot_executorch::take_rows.out", traced<take_rows, kTakeRowsEvent, 3>),
    executorch::runtime::Kernel("godot_executorch::put_rows.out", traced<put_rows, kPutRowsEvent, 4>),
    executorch::runtime::Kernel("godot_executorch::add_rows.out", traced<add_rows, kAddRowsEvent, 4>),
};

[[maybe_unused]] const Error kRegistered = executorch::runtime::register_kernels({kOperators, 3});

}  // namespace
}  // namespace godot_executorch::kernels
