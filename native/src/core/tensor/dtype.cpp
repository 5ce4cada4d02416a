#include "core/tensor/dtype.h"

#include <executorch/runtime/core/portable_type/bfloat16.h>
#include <executorch/runtime/core/portable_type/half.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

namespace godot_executorch {
namespace {

using BFloat16 = executorch::runtime::etensor::BFloat16;
using Half = executorch::runtime::etensor::Half;

struct Row {
    Dtype dtype;
    const char* name;
    size_t size;
};

constexpr Row kRows[] = {
    {Dtype::Float, "float32", 4}, {Dtype::Double, "float64", 8},    {Dtype::Half, "float16", 2},
    {Dtype::Char, "int8", 1},     {Dtype::BFloat16, "bfloat16", 2}, {Dtype::Short, "int16", 2},
    {Dtype::Int, "int32", 4},     {Dtype::Long, "int64", 8},        {Dtype::Byte, "uint8", 1},
    {Dtype::UInt16, "uint16", 2}, {Dtype::UInt32, "uint32", 4},     {Dtype::UInt64, "uint64", 8},
    {Dtype::Bool, "bool", 1},
};

template <typename T>
constexpr bool kIsReal = std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

/// Calls `work` with a value of the dtype's C++ type; false for an unknown dtype.
template <typename Work>
bool with_type(Dtype dtype, Work&& work) {
    switch (dtype) {
        case Dtype::Float:
            return work(float{});
        case Dtype::Double:
            return work(double{});
        case Dtype::Half:
            return work(Half{});
        case Dtype::BFloat16:
            return work(BFloat16{});
        case Dtype::Char:
            return work(int8_t{});
        case Dtype::Short:
            return work(int16_t{});
        case Dtype::Int:
            return work(int32_t{});
        case Dtype::Long:
            return work(int64_t{});
        case Dtype::Byte:
            return work(uint8_t{});
        case Dtype::UInt16:
            return work(uint16_t{});
        case Dtype::UInt32:
            return work(uint32_t{});
        case Dtype::UInt64:
            return work(uint64_t{});
        case Dtype::Bool:
            return work(bool{});
        default:
            return false;
    }
}

template <typename From, typename To>
bool convert_one(From value, To& result) {
    if constexpr (std::is_same_v<To, bool>) {
        result = static_cast<float>(value) != 0.0F;
        return true;
    } else if constexpr (kIsReal<To>) {
        if constexpr (std::is_same_v<To, double>) {
            result = static_cast<double>(value);
        } else {
            result = static_cast<To>(static_cast<float>(value));
        }
        return true;
    } else if constexpr (kIsReal<From>) {
        const auto wide = static_cast<double>(value);
        // 2^63 and 2^64 are exact as doubles, while the largest integers are not.
        const double limit = std::ldexp(1.0, std::numeric_limits<To>::digits);
        const double least = std::is_signed_v<To> ? -limit : 0.0;
        if (!(wide >= least && wide < limit) || wide != std::trunc(wide)) {
            return false;
        }
        result = static_cast<To>(wide);
        return true;
    } else {
        result = static_cast<To>(value);
        return static_cast<From>(result) == value && ((value < From{}) == (result < To{}));
    }
}

template <typename From>
std::string text_of(From value) {
    if constexpr (kIsReal<From>) {
        return std::to_string(static_cast<double>(value));
    } else {
        return std::to_string(value);
    }
}

}  // namespace

const char* dtype_name(Dtype dtype) {
    for (const Row& row : kRows) {
        if (row.dtype == dtype) {
            return row.name;
        }
    }
    return "unknown";
}

std::optional<Dtype> dtype_from_name(std::string_view name) {
    for (const Row& row : kRows) {
        if (name == row.name) {
            return row.dtype;
        }
    }
    return std::nullopt;
}

size_t dtype_size(Dtype dtype) {
    for (const Row& row : kRows) {
        if (row.dtype == dtype) {
            return row.size;
        }
    }
    return 0;
}

bool is_floating(Dtype dtype) {
    return dtype == Dtype::Float || dtype == Dtype::Double || dtype == Dtype::Half || dtype == Dtype::BFloat16;
}

Status convert_elements(const void* from, Dtype from_dtype, void* to, Dtype to_dtype, size_t count) {
    if (from_dtype == to_dtype) {
        std::memcpy(to, from, count * dtype_size(to_dtype));
        return {};
    }
    Status status;
    const bool known = with_type(from_dtype, [&](auto from_tag) {
        using From = decltype(from_tag);
        return with_type(to_dtype, [&](auto to_tag) {
            using To = decltype(to_tag);
            const auto* source = static_cast<const From*>(from);
            auto* target = static_cast<To*>(to);
            for (size_t i = 0; i < count; ++i) {
                if (!convert_one(source[i], target[i])) {
                    status = Status(Code::ValueOutOfRange, "expected values of " + std::string(dtype_name(to_dtype)) +
                                                               ", got " + text_of(source[i]) + " at index " +
                                                               std::to_string(i));
                    break;
                }
            }
            return true;
        });
    });
    if (!known) {
        return Status(Code::WrongDtype,
                      std::string("cannot convert ") + dtype_name(from_dtype) + " to " + dtype_name(to_dtype));
    }
    return status;
}

}  // namespace godot_executorch
