// The endomorphism of G1 (Gallant, Lambert, Vanstone): with beta a third root of one in Fq, (beta x, y) is the point
// (x, y) times lambda, a third root of one in Fr. So k P is k1 P + k2 (beta x, y) for halves of half the length.
#pragma once

#include "bn254/field.hpp"

namespace hm::bn254 {

inline constexpr Fq kBeta =
    Fq::from_canonical({{0x5763473177fffffeULL, 0xd4f263f1acdb5c4fULL, 0x59e26bcea0d48bacULL, 0}});

// A number of less than 126 bits and its sign.
struct Half {
    u128 magnitude;
    bool negative;
};

// k = first + second lambda modulo r.
struct Halves {
    Half first, second;
};

namespace glv {

// The pairs with k1 + k2 lambda = 0 modulo r are the lattice of (kLong, kShort) and (kShort, -kMiddle), whose
// determinant is -r. k less its rounded parts along the two is (a kLong + b kShort, a kShort - b kMiddle) with
// |a|, |b| <= 1/2, but for the rounding of the two quotients below.
inline constexpr u128 kLong = static_cast<u128>(0x6f4d8248eeb859fdULL) << 64 | 0x0be4e1541221250bULL;
inline constexpr u128 kMiddle = static_cast<u128>(0x6f4d8248eeb859fcULL) << 64 | 0x8211bbeb7d4f1128ULL;
inline constexpr u64 kShort = 0x89d3256894d213e3ULL;

// k times the quotient over 2^256, rounded to the nearest.
template <size_t size>
constexpr u128 quotient(const Limbs& k, const u64 (&factor)[size]) {
    u64 product[kLimbs + size] = {};
    for (size_t i = 0; i < size; ++i) {
        u64 carry = 0;
        for (size_t j = 0; j < kLimbs; ++j) {
            const u128 t = static_cast<u128>(factor[i]) * k[j] + product[i + j] + carry;
            product[i + j] = static_cast<u64>(t);
            carry = static_cast<u64>(t >> 64);
        }
        product[i + kLimbs] = carry;
    }
    return (static_cast<u128>(product[kLimbs + 1]) << 64 | product[kLimbs]) + (product[kLimbs - 1] >> 63);
}

constexpr Half half(u128 signed_number) {
    const bool negative = signed_number >> 127 != 0;
    return {negative ? 0 - signed_number : signed_number, negative};
}

}  // namespace glv

// The scalar is canonical.
constexpr Halves split(const Limbs& k) {
    // kMiddle and kShort times 2^256 / r, rounded down; not outside, for an array there is not known on a device.
    constexpr u64 long_quotient[3] = {0x7a7bd9d4391eb18dULL, 0x4ccef014a773d2cfULL, 2};
    constexpr u64 short_quotient[2] = {0xd91d232ec7e0b3d7ULL, 2};
    const u128 along_long = glv::quotient(k, long_quotient);
    const u128 along_short = glv::quotient(k, short_quotient);
    const u128 low = static_cast<u128>(k[1]) << 64 | k[0];
    return {glv::half(low - along_long * glv::kLong - along_short * glv::kShort),
            glv::half(along_short * glv::kMiddle - along_long * glv::kShort)};
}

}  // namespace hm::bn254
