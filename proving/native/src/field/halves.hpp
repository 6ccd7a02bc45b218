// Numbers as unreduced halves: low + 2^32 high, with parts that may be larger than 32 bits.
#pragma once

#include "field/vector.hpp"

namespace hm {

// Sums of parts cannot overflow; join_halves reduces them.
struct Halves {
    Vector low;
    Vector high;

    friend Halves operator+(const Halves& a, const Halves& b) {
        return {add_wrapping(a.low, b.low), add_wrapping(a.high, b.high)};
    }
    friend Halves operator-(const Halves& a, const Halves& b) {
        return {sub_wrapping(a.low, b.low), sub_wrapping(a.high, b.high)};
    }
};

#if !defined(HM_ISA_avx512)

// What a product has too much: it keeps the low half positive.
inline constexpr std::uint64_t kHalvesExcess = std::uint64_t{1} << 34;

// The product, kHalvesExcess too much: with digits d, as 2^64 = 2^32 - 1 and 2^96 = -1, it is
// d0 - d2 - d3 + 2^32 (d1 + d2).
inline Halves multiply_to_halves(Vector a, Vector b) {
    const Digits x = multiply_digits(a, b);
    const Vector third = low_half(x.high);
    const Vector low = add_wrapping(low_half(x.low), vector_broadcast(kHalvesExcess));
    return {sub_wrapping(low, add_wrapping(third, shift_right<32>(x.high))), add_wrapping(low_half(x.middle), third)};
}

#endif

}  // namespace hm
