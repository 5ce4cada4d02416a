#include <algorithm>
#include <cstring>
#include <optional>
#include <type_traits>

#include "core/tensor/layout.h"
#include "godot/conversion/conversion.h"

namespace godot_executorch::godot {
namespace {

using executorch::runtime::EValue;
using executorch::runtime::Tag;
using executorch::runtime::etensor::Tensor;

template <typename PackedArray>
Variant packed_from(const void* data, Dtype dtype, Dtype packed_dtype, size_t count) {
    typename PackedArray::element_type* elements = nullptr;
    Variant array = Variant::packed<PackedArray>(static_cast<int64_t>(count), elements);
    if (elements != nullptr) {
        const Status ignored = convert_elements(data, dtype, elements, packed_dtype, count);
    }
    return array;
}

template <typename T>
struct ArrayType {
    using Type = T;
};

/// Calls make(type of the packed array, dtype to read the data as, dtype of its elements).
template <typename Make>
auto with_packed(Dtype dtype, Make make) {
    switch (dtype) {
        case Dtype::Double:
            return make(ArrayType<PackedFloat64Array>(), dtype, Dtype::Double);
        case Dtype::Long:
        case Dtype::UInt32:
            return make(ArrayType<PackedInt64Array>(), dtype, Dtype::Long);
        case Dtype::UInt64:
            // Godot has no unsigned integers: values of 2^63 and above come as negative ones.
            return make(ArrayType<PackedInt64Array>(), Dtype::Long, Dtype::Long);
        case Dtype::Int:
        case Dtype::Short:
        case Dtype::UInt16:
        case Dtype::Char:
            return make(ArrayType<PackedInt32Array>(), dtype, Dtype::Int);
        case Dtype::Byte:
            return make(ArrayType<PackedByteArray>(), dtype, Dtype::Byte);
        case Dtype::Bool:
            return make(ArrayType<PackedByteArray>(), Dtype::Byte, Dtype::Byte);
        default:
            return make(ArrayType<PackedFloat32Array>(), dtype, Dtype::Float);
    }
}

Variant packed_of(const void* data, Dtype dtype, size_t count) {
    return with_packed(dtype, [&](auto type, Dtype from, Dtype to) {
        return packed_from<typename decltype(type)::Type>(data, from, to, count);
    });
}

/// One packed array of `count` elements for each row.
void packed_rows(const uint8_t* data, Dtype dtype, size_t count, int64_t rows, ResultArrays* kept, Variant* places) {
    with_packed(dtype, [&](auto type, Dtype from, Dtype to) {
        using PackedArray = typename decltype(type)::Type;
        const size_t stride = count * dtype_size(from);
        const auto write = [&](int64_t row, typename PackedArray::element_type* elements) {
            const uint8_t* values = data + static_cast<size_t>(row) * stride;
            if (from == to) {
                std::memcpy(elements, values, stride);
            } else {
                const Status ignored = convert_elements(values, from, elements, to, count);
            }
        };
        if constexpr (std::is_same_v<PackedArray, PackedFloat32Array>) {
            PackedFloat32Array* arrays = kept != nullptr ? kept->take(rows, static_cast<int64_t>(count)) : nullptr;
            if (arrays != nullptr) {
                for (int64_t row = 0; row < rows; ++row) {
                    write(row, arrays[row].detached());
                    places[row] = Variant(arrays[row]);
                }
                return;
            }
        }
        // A copy of one of the right size is cheaper than a new one and a resize.
        const PackedArray like(static_cast<int64_t>(count));
        for (int64_t row = 0; row < rows; ++row) {
            typename PackedArray::element_type* elements = nullptr;
            places[row] = count > 0 ? Variant::packed_like(like, elements) : Variant(like);
            if (count > 0) {
                write(row, elements);
            }
        }
    });
}

Variant packed_for(const Tensor& tensor, std::vector<uint8_t>& scratch) {
    const void* data = contiguous_data(tensor, scratch);
    return packed_of(data, tensor.scalar_type(), static_cast<size_t>(tensor.numel()));
}

const char* scalar_name(Tag tag) {
    switch (tag) {
        case Tag::Int:
            return "int";
        case Tag::Double:
            return "float";
        case Tag::Bool:
            return "bool";
        case Tag::String:
            return "string";
        default:
            return "none";
    }
}

Array to_array(const Shape& shape) {
    Array sizes(static_cast<int64_t>(shape.rank));
    for (size_t i = 0; i < shape.rank; ++i) {
        sizes[static_cast<int64_t>(i)] = Variant(static_cast<int64_t>(shape.sizes[i]));
    }
    return sizes;
}

/// A pair or list of integers; JSON makes floats of them.
bool read_integers(const Variant& value, std::vector<int64_t>& integers) {
    if (value.type() == PackedInt64Array::kType) {
        const auto& packed = value.as<PackedInt64Array>();
        integers.assign(packed.data(), packed.data() + packed.size());
        return true;
    }
    if (value.type() == PackedInt32Array::kType) {
        const auto& packed = value.as<PackedInt32Array>();
        integers.assign(packed.data(), packed.data() + packed.size());
        return true;
    }
    if (value.type() != Array::kType) {
        return false;
    }
    const Array& array = value.as<Array>();
    for (int64_t i = 0; i < array.size(); ++i) {
        const Variant& item = array[i];
        if (item.type() == GDEXTENSION_VARIANT_TYPE_INT) {
            integers.push_back(item.as_int());
        } else if (item.type() == GDEXTENSION_VARIANT_TYPE_FLOAT) {
            integers.push_back(static_cast<int64_t>(item.as_float()));
        } else {
            return false;
        }
    }
    return true;
}

/// The texts of an Array; none when it is something else.
void read_names(const Variant& value, std::vector<std::string>& names) {
    if (value.type() != Array::kType) {
        return;
    }
    const Array& list = value.as<Array>();
    for (int64_t i = 0; i < list.size(); ++i) {
        names.push_back(list[i].type() == String::kType ? list[i].as<String>().utf8() : "");
    }
}

}  // namespace

Variant to_godot(const EValue& value, std::vector<uint8_t>& scratch) {
    switch (value.tag) {
        case Tag::Tensor:
            return packed_for(value.toTensor(), scratch);
        case Tag::Int:
            return value.toInt();
        case Tag::Double:
            return value.toDouble();
        case Tag::Bool:
            return value.toBool();
        case Tag::String:
            return String(value.toString());
        default:
            return {};
    }
}

void to_godot_rows(const EValue& value, int64_t rows, std::vector<uint8_t>& scratch, ResultArrays* kept,
                   Variant* places) {
    const bool has_rows =
        value.isTensor() && value.toTensor().dim() > 0 && value.toTensor().size(0) == rows && rows > 1;
    if (!has_rows) {
        for (int64_t row = 0; row < rows; ++row) {
            places[row] = to_godot(value, scratch);
        }
        return;
    }
    const Tensor& tensor = value.toTensor();
    const auto* data = static_cast<const uint8_t*>(contiguous_data(tensor, scratch));
    const size_t count = static_cast<size_t>(tensor.numel()) / static_cast<size_t>(rows);
    packed_rows(data, tensor.scalar_type(), count, rows, kept, places);
}

Dictionary to_godot_tensor(const EValue& value, std::vector<uint8_t>& scratch) {
    Dictionary result;
    result["data"] = to_godot(value, scratch);
    if (value.isTensor()) {
        const Tensor& tensor = value.toTensor();
        result["shape"] = to_array(Shape::of(tensor.sizes().data(), tensor.sizes().size()));
        result["dtype"] = dtype_name(tensor.scalar_type());
    } else {
        result["shape"] = Array();
        result["dtype"] = scalar_name(value.tag);
    }
    return result;
}

Variant to_godot_floats(const EValue& value, std::vector<uint8_t>& scratch, ResultArrays& kept) {
    if (!value.isTensor()) {
        const float number = value.isDouble() ? static_cast<float>(value.toDouble())
                             : value.isInt()  ? static_cast<float>(value.toInt())
                             : value.isBool() ? static_cast<float>(value.toBool())
                                              : 0.0F;
        return packed_from<PackedFloat32Array>(&number, Dtype::Float, Dtype::Float, 1);
    }
    const Tensor& tensor = value.toTensor();
    const void* data = contiguous_data(tensor, scratch);
    const auto count = static_cast<int64_t>(tensor.numel());
    PackedFloat32Array* array = kept.take(1, count);
    if (array == nullptr) {
        return packed_from<PackedFloat32Array>(data, tensor.scalar_type(), Dtype::Float, static_cast<size_t>(count));
    }
    const Status ignored =
        convert_elements(data, tensor.scalar_type(), array->detached(), Dtype::Float, static_cast<size_t>(count));
    return *array;
}

Dictionary to_godot(const ValueSpec& spec) {
    Dictionary result;
    result["name"] = spec.name;
    if (!spec.is_tensor()) {
        result["dtype"] = scalar_name(spec.tag);
        result["shape"] = Array();
        return result;
    }
    result["dtype"] = dtype_name(spec.dtype);
    result["shape"] = to_array(spec.shape);
    if (spec.has_ranges) {
        Array ranges(static_cast<int64_t>(spec.shape.rank));
        for (size_t i = 0; i < spec.shape.rank; ++i) {
            Array range(2);
            range[0] = Variant(static_cast<int64_t>(spec.minimum[i]));
            range[1] = Variant(static_cast<int64_t>(spec.shape.sizes[i]));
            ranges[static_cast<int64_t>(i)] = range;
        }
        result["ranges"] = ranges;
    }
    if (!spec.size_names.empty()) {
        result["size_names"] = PackedStringArray(spec.size_names);
    }
    return result;
}

Dictionary to_godot(const MethodSignature& signature) {
    const auto list = [](const std::vector<ValueSpec>& specs) {
        Array array(static_cast<int64_t>(specs.size()));
        for (size_t i = 0; i < specs.size(); ++i) {
            array[static_cast<int64_t>(i)] = to_godot(specs[i]);
        }
        return array;
    };
    Dictionary result;
    result["name"] = signature.name;
    result["inputs"] = list(signature.inputs);
    result["outputs"] = list(signature.outputs);
    PackedInt64Array planned(static_cast<int64_t>(signature.planned_memory.size()));
    std::copy(signature.planned_memory.begin(), signature.planned_memory.end(), planned.data());
    result["planned_memory"] = planned;
    result["backends"] = PackedStringArray(signature.backends);
    return result;
}

Dictionary to_godot(const Failure& failure) {
    Dictionary result;
    result["code"] = failure.code;
    result["name"] = failure.name;
    result["cause"] = failure.cause;
    result["remedy"] = failure.remedy;
    return result;
}

Status to_hints(const Array& entries, std::vector<ValueHint>& hints) {
    for (int64_t i = 0; i < entries.size(); ++i) {
        if (entries[i].type() != Dictionary::kType) {
            return Status(Code::InvalidOption, "entry " + std::to_string(i) + " of the signature is not a Dictionary");
        }
        const Dictionary& entry = entries[i].as<Dictionary>();
        ValueHint& hint = hints.emplace_back();
        const Variant name = entry.get("name");
        const Variant dtype = entry.get("dtype");
        const Variant ranges = entry.get("ranges");
        hint.name = name.type() == String::kType ? name.as<String>().utf8() : "";
        hint.dtype = dtype.type() == String::kType ? dtype.as<String>().utf8() : "";
        read_names(entry.get("size_names"), hint.size_names);
        if (ranges.type() != Array::kType) {
            continue;
        }
        const Array& list = ranges.as<Array>();
        for (int64_t d = 0; d < list.size(); ++d) {
            std::vector<int64_t> range;
            if (!read_integers(list[d], range) || range.size() != 2) {
                return Status(Code::InvalidOption, hint.name + ": ranges are pairs [minimum, maximum]");
            }
            hint.ranges.emplace_back(range[0], range[1]);
        }
    }
    return {};
}

}  // namespace godot_executorch::godot
