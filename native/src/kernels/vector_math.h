#pragma once

// Vectors of floats and the functions of recurrent layers on them. Included once by each variant of the kernels, which
// is compiled for one instruction set: nothing in here may be shared between variants, so all of it has internal
// linkage.

#include <cstdint>
#include <cstring>

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Integers = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Floats load(const float* source) {
    Floats value;
    std::memcpy(&value, source, sizeof(value));
    return value;
}

inline void store(float* target, Floats value) {
    std::memcpy(target, &value, sizeof(value));
}

inline Floats all(float value) {
    return value - Floats{};
}

inline Floats choose(Integers mask, Floats yes, Floats no) {
    return (Floats)(((Integers)yes & mask) | ((Integers)no & ~mask));
}

/// e^x for x in [-87, 88], which larger and smaller x are moved to; NaN stays NaN. Relative error 1e-7.
/// Range reduction and polynomial as in Cephes' expf.
inline Floats exponential(Floats x) {
    const Floats limited = choose(x > 88.0F, all(88.0F), choose(x < -87.0F, all(-87.0F), x));
    // Adding 1.5 * 2^23 rounds to a whole number, which is then in the low bits.
    const Floats shifted = limited * 1.44269504F + 12582912.0F;
    const Floats whole = shifted - 12582912.0F;
    const Floats rest = (limited - whole * 0.693359375F) + whole * 2.12194440e-4F;
    Floats sum = rest * 1.9875691500e-4F + 1.3981999507e-3F;
    sum = sum * rest + 8.3334519073e-3F;
    sum = sum * rest + 4.1665795894e-2F;
    sum = sum * rest + 1.6666665459e-1F;
    sum = sum * rest + 5.0000001201e-1F;
    sum = sum * rest * rest + rest + 1.0F;
    const Integers power = ((Integers)shifted << 23) + 0x3F800000;
    return sum * (Floats)power;
}

inline Floats sigmoid(Floats x) {
    return 1.0F / (1.0F + exponential(-x));
}

/// Below 0.625 the polynomial of Cephes' tanhf, since the quotient loses digits there.
inline Floats hyperbolic_tangent(Floats x) {
    const Floats square = x * x;
    Floats sum = square * -5.70498872745e-3F + 2.06390887954e-2F;
    sum = sum * square - 5.37397155531e-2F;
    sum = sum * square + 1.33314422036e-1F;
    sum = sum * square - 3.33332819422e-1F;
    const Floats near = sum * square * x + x;
    const Floats far = 1.0F - 2.0F / (exponential(x + x) + 1.0F);
    return choose((x > -0.625F) & (x < 0.625F), near, far);
}

}  // namespace
