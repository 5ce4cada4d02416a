#include <algorithm>
#include <cstring>
#include <optional>

#include "godot/conversion/conversion.h"

namespace godot_executorch::godot {
namespace {

using executorch::runtime::EValue;
using executorch::runtime::Tag;
using executorch::runtime::etensor::Tensor;

/// Elements in memory, with a shape when one was given.
struct Elements {
    const void* data = nullptr;
    Dtype dtype = Dtype::Undefined;
    size_t count = 0;
    std::optional<Shape> shape;
    bool has_dtype = false;  // of a packed array; the numbers of an Array have none
};

Status wrong_type(const ValueSpec& spec, const std::string& got) {
    return Status(Code::WrongDtype, spec.name + ": expected " + spec.text() +
                                        " (a number, an Array, a packed array or " + "{data, shape, dtype}), got " +
                                        got);
}

template <typename PackedArray>
Elements view(const PackedArray& array, Dtype dtype) {
    Elements elements;
    elements.count = static_cast<size_t>(array.size());
    elements.data = array.data();
    elements.dtype = dtype;
    elements.has_dtype = true;
    return elements;
}

bool view_packed(const Variant& value, Elements& elements) {
    switch (value.type()) {
        case PackedFloat32Array::kType:
            elements = view(value.as<PackedFloat32Array>(), Dtype::Float);
            return true;
        case PackedFloat64Array::kType:
            elements = view(value.as<PackedFloat64Array>(), Dtype::Double);
            return true;
        case PackedInt64Array::kType:
            elements = view(value.as<PackedInt64Array>(), Dtype::Long);
            return true;
        case PackedInt32Array::kType:
            elements = view(value.as<PackedInt32Array>(), Dtype::Int);
            return true;
        case PackedByteArray::kType:
            elements = view(value.as<PackedByteArray>(), Dtype::Byte);
            return true;
        default:
            return false;
    }
}

template <typename T>
void append(std::vector<uint8_t>& bytes, T value) {
    const size_t end = bytes.size();
    bytes.resize(end + sizeof value);
    std::memcpy(bytes.data() + end, &value, sizeof value);
}

/// The elements of an Array, whose numbers are kept as int64 while all of them are integers.
class ArrayReader {
  public:
    ArrayReader(const ValueSpec& spec, std::vector<uint8_t>& bytes) : spec_(spec), bytes_(bytes) {}

    Status read(const Array& array, Elements& elements) {
        bytes_.clear();
        Status status = read_level(array, 0);
        elements.data = bytes_.data();
        elements.count = bytes_.size() / sizeof(int64_t);
        elements.dtype = integers_ ? Dtype::Long : Dtype::Double;
        if (shape_.rank > 1) {
            elements.shape = shape_;
            if (status.ok() && shape_.element_count() != elements.count) {
                return ragged();
            }
        }
        return status;
    }

  private:
    Status read_level(const Array& array, size_t depth) {
        const int64_t size = array.size();
        if (depth >= kMaximumRank) {
            return Status(Code::WrongShape, spec_.name + ": Arrays are nested too deep");
        }
        if (depth >= shape_.rank) {
            if (leaf_rank_ != 0) {
                return ragged();
            }
            shape_.rank = depth + 1;
            shape_.sizes[depth] = static_cast<int32_t>(size);
        } else if (shape_.sizes[depth] != size) {
            return ragged();
        }
        for (int64_t i = 0; i < size; ++i) {
            const Variant& item = array[i];
            Status status =
                item.type() == Array::kType ? read_level(item.as<Array>(), depth + 1) : read_leaf(item, depth + 1);
            if (!status.ok()) {
                return status;
            }
        }
        return {};
    }

    Status read_leaf(const Variant& item, size_t rank) {
        Elements packed;
        if (view_packed(item, packed)) {
            return read_packed_row(packed, rank);
        }
        if (leaf_rank_ == 0) {
            leaf_rank_ = rank;
        }
        if (leaf_rank_ != rank) {
            return ragged();
        }
        switch (item.type()) {
            case GDEXTENSION_VARIANT_TYPE_INT:
                add(item.as_int());
                return {};
            case GDEXTENSION_VARIANT_TYPE_BOOL:
                add(static_cast<int64_t>(item.as_bool()));
                return {};
            case GDEXTENSION_VARIANT_TYPE_FLOAT:
                become_floats();
                append(bytes_, item.as_float());
                return {};
            default:
                return wrong_type(spec_, "an Array with " + Variant::type_name(item.type()) + " in it");
        }
    }

    Status read_packed_row(const Elements& row, size_t rank) {
        if (rank >= kMaximumRank || (rank < shape_.rank && shape_.sizes[rank] != static_cast<int64_t>(row.count))) {
            return ragged();
        }
        shape_.rank = std::max(shape_.rank, rank + 1);
        shape_.sizes[rank] = static_cast<int32_t>(row.count);
        if (is_floating(row.dtype)) {
            become_floats();
        }
        const Dtype target = integers_ ? Dtype::Long : Dtype::Double;
        const size_t end = bytes_.size();
        bytes_.resize(end + row.count * sizeof(int64_t));
        return convert_elements(row.data, row.dtype, bytes_.data() + end, target, row.count);
    }

    void add(int64_t value) {
        if (integers_) {
            append(bytes_, value);
        } else {
            append(bytes_, static_cast<double>(value));
        }
    }

    void become_floats() {
        if (!integers_) {
            return;
        }
        integers_ = false;
        for (size_t offset = 0; offset < bytes_.size(); offset += sizeof(int64_t)) {
            int64_t value = 0;
            std::memcpy(&value, bytes_.data() + offset, sizeof value);
            const auto wide = static_cast<double>(value);
            std::memcpy(bytes_.data() + offset, &wide, sizeof wide);
        }
    }

    Status ragged() const {
        return Status(Code::WrongShape,
                      spec_.name + ": expected " + spec_.text() + ", got Arrays of different lengths");
    }

    const ValueSpec& spec_;
    std::vector<uint8_t>& bytes_;
    Shape shape_;
    size_t leaf_rank_ = 0;
    bool integers_ = true;
};

Status read_shape(const ValueSpec& spec, const Variant& value, Shape& shape) {
    Elements sizes;
    std::vector<uint8_t> bytes;
    if (value.type() == Array::kType) {
        Status status = ArrayReader(spec, bytes).read(value.as<Array>(), sizes);
        if (!status.ok()) {
            return status;
        }
    } else if (!view_packed(value, sizes)) {
        return wrong_type(spec, "a shape that is " + Variant::type_name(value.type()));
    }
    if (sizes.count > kMaximumRank) {
        return Status(Code::WrongShape, spec.name + ": a shape has at most 16 dimensions");
    }
    shape.rank = sizes.count;
    Status status = convert_elements(sizes.data, sizes.dtype, shape.sizes.data(), Dtype::Int, sizes.count);
    for (size_t i = 0; status.ok() && i < shape.rank; ++i) {
        if (shape.sizes[i] < 0) {
            return Status(Code::WrongShape, spec.name + ": expected sizes of 0 or more, got " + shape.text());
        }
    }
    return status;
}

Status read_elements(const ValueSpec& spec, const Variant& value, std::vector<uint8_t>& bytes, Elements& elements);

/// {data, shape, dtype}; bytes with another dtype are taken as they are.
Status read_dictionary(const ValueSpec& spec, const Dictionary& value, std::vector<uint8_t>& bytes,
                       Elements& elements) {
    const Variant data = value.get("data");
    const Variant shape = value.get("shape");
    const Variant dtype = value.get("dtype");
    if (data.is_nil() || data.type() == Dictionary::kType) {
        return wrong_type(spec, "a Dictionary without data");
    }
    Elements inner;
    Status status = read_elements(spec, data, bytes, inner);
    if (status.ok() && dtype.type() == String::kType && !dtype.as<String>().utf8().empty()) {
        const std::string name = dtype.as<String>().utf8();
        const std::optional<Dtype> given = dtype_from_name(name);
        if (!given || *given != spec.dtype) {
            return Status(Code::WrongDtype, spec.name + ": expected " + spec.text() + ", got " + name);
        }
        const size_t size = dtype_size(*given);
        if (inner.dtype == Dtype::Byte && size > 1 && inner.count % size == 0) {
            inner.dtype = *given;
            inner.count /= size;
        }
    }
    if (status.ok() && !shape.is_nil()) {
        status = read_shape(spec, shape, inner.shape.emplace());
        if (status.ok() && inner.shape->element_count() != inner.count) {
            return Status(Code::WrongShape, spec.name + ": the shape " + inner.shape->text() + " has " +
                                                std::to_string(inner.shape->element_count()) + " values, the data " +
                                                std::to_string(inner.count));
        }
    }
    // The data may live only as long as our copy of the Variant, so it moves to the staging memory.
    if (status.ok() && inner.data != bytes.data()) {
        const auto* first = static_cast<const uint8_t*>(inner.data);
        bytes.assign(first, first + inner.count * dtype_size(inner.dtype));
        inner.data = bytes.data();
    }
    elements = inner;
    return status;
}

Status read_elements(const ValueSpec& spec, const Variant& value, std::vector<uint8_t>& bytes, Elements& elements) {
    if (view_packed(value, elements)) {
        return {};
    }
    elements.count = 1;
    bytes.clear();
    switch (value.type()) {
        case Array::kType:
            return ArrayReader(spec, bytes).read(value.as<Array>(), elements);
        case Dictionary::kType:
            return read_dictionary(spec, value.as<Dictionary>(), bytes, elements);
        case GDEXTENSION_VARIANT_TYPE_FLOAT:
            append(bytes, value.as_float());
            elements.dtype = Dtype::Double;
            break;
        case GDEXTENSION_VARIANT_TYPE_INT:
            append(bytes, value.as_int());
            elements.dtype = Dtype::Long;
            break;
        case GDEXTENSION_VARIANT_TYPE_BOOL:
            append(bytes, static_cast<int64_t>(value.as_bool()));
            elements.dtype = Dtype::Long;
            break;
        default:
            return wrong_type(spec, Variant::type_name(value.type()));
    }
    elements.data = bytes.data();
    return {};
}

Status give_elements(LoadedMethod& method, size_t index, const Elements& elements,
                     std::vector<uint8_t>& converted_bytes) {
    const ValueSpec& spec = method.signature().inputs[index];
    Shape shape;
    Status status;
    if (elements.shape && elements.shape->rank != 0) {
        shape = *elements.shape;
        status = spec.check(shape);
    } else if (elements.shape) {
        shape = *elements.shape;
        status = elements.count == 1 && spec.element_count == 1 ? spec.infer_shape(1, shape) : spec.check(shape);
    } else {
        status = spec.infer_shape(elements.count, shape);
    }
    if (!status.ok()) {
        return status;
    }
    if (elements.dtype == spec.dtype) {
        return method.set_tensor(index, shape, elements.data);
    }
    if (elements.has_dtype && is_floating(elements.dtype) && !is_floating(spec.dtype)) {
        return Status(Code::WrongDtype,
                      spec.name + ": expected " + spec.text() + ", got " + dtype_name(elements.dtype) + " values");
    }
    converted_bytes.resize(elements.count * dtype_size(spec.dtype) + 1);
    status = convert_elements(elements.data, elements.dtype, converted_bytes.data(), spec.dtype, elements.count);
    if (!status.ok()) {
        return Status(static_cast<Code>(status.code()), spec.name + ": " + status.failure().cause);
    }
    return method.set_tensor(index, shape, converted_bytes.data());
}

Status give_scalar(LoadedMethod& method, size_t index, const Variant& value) {
    const ValueSpec& spec = method.signature().inputs[index];
    const GDExtensionVariantType type = value.type();
    if (spec.tag == Tag::Int && type == GDEXTENSION_VARIANT_TYPE_INT) {
        return method.set_value(index, EValue(value.as_int()));
    }
    if (spec.tag == Tag::Double && type == GDEXTENSION_VARIANT_TYPE_FLOAT) {
        return method.set_value(index, EValue(value.as_float()));
    }
    if (spec.tag == Tag::Double && type == GDEXTENSION_VARIANT_TYPE_INT) {
        return method.set_value(index, EValue(static_cast<double>(value.as_int())));
    }
    if (spec.tag == Tag::Bool && type == GDEXTENSION_VARIANT_TYPE_BOOL) {
        return method.set_value(index, EValue(value.as_bool()));
    }
    const char* expected = spec.tag == Tag::Int      ? "an int"
                           : spec.tag == Tag::Double ? "a float"
                           : spec.tag == Tag::Bool   ? "a bool"
                                                     : "a value that Godot cannot pass";
    return Status(Code::WrongDtype, spec.name + ": expected " + expected + ", got " + Variant::type_name(type));
}

}  // namespace

Status to_tensor(LoadedMethod& method, size_t index, const Variant& value, Staging& staging) {
    const ValueSpec& spec = method.signature().inputs[index];
    if (!spec.is_tensor()) {
        return give_scalar(method, index, value);
    }
    if (staging.size() < 2 * index + 2) {
        staging.resize(2 * index + 2);
    }
    Elements elements;
    Status status = read_elements(spec, value, staging[2 * index], elements);
    if (!status.ok()) {
        return status;
    }
    return give_elements(method, index, elements, staging[2 * index + 1]);
}

Status to_tensor(LoadedMethod& method, size_t index, const void* data, Dtype dtype, size_t count, Staging& staging) {
    if (staging.size() < 2 * index + 2) {
        staging.resize(2 * index + 2);
    }
    return give_elements(method, index, {data, dtype, count, std::nullopt, true}, staging[2 * index + 1]);
}

Status to_elements(const ValueSpec& spec, const Variant& value, size_t count, void* target,
                   std::vector<uint8_t>& bytes) {
    Elements elements;
    Status status = read_elements(spec, value, bytes, elements);
    if (status.ok() && elements.count != count) {
        return Status(Code::WrongShape, spec.name + ": expected " + std::to_string(count) + " values a row, got " +
                                            std::to_string(elements.count));
    }
    return status.ok() ? convert_elements(elements.data, elements.dtype, target, spec.dtype, count) : std::move(status);
}

}  // namespace godot_executorch::godot
