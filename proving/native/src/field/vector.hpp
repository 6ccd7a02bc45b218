// Vector registers of unsigned 64-bit numbers modulo p. "Loose" numbers are any representative below 2^64; "canonical"
// ones are below p.
#pragma once

#include <cstddef>
#include <cstdint>

#include "field/goldilocks.hpp"

#if defined(HM_EMULATED) && defined(HM_ISA_avx512)
#include "emulation/avx512.hpp"
#elif defined(HM_EMULATED) && defined(HM_ISA_avx2)
#include "emulation/avx2.hpp"
#elif defined(HM_ISA_avx512) || defined(HM_ISA_avx2)
#include <immintrin.h>
#endif

namespace hm {

#if defined(HM_ISA_avx512)

using Vector = __m512i;
inline constexpr std::size_t kVectorLanes = 8;

inline Vector vector_load(const std::uint64_t* source) { return _mm512_loadu_si512(source); }
inline void vector_store(std::uint64_t* target, Vector v) { _mm512_storeu_si512(target, v); }
inline Vector vector_broadcast(std::uint64_t x) { return _mm512_set1_epi64(static_cast<long long>(x)); }

// Any representative to the canonical one: x - p wraps above x exactly when x < p.
inline Vector canonical(Vector x) { return _mm512_min_epu64(x, _mm512_sub_epi64(x, vector_broadcast(kPrime))); }

inline Vector add_canonical(Vector a, Vector b) {
    const Vector gap = _mm512_sub_epi64(vector_broadcast(kPrime), b);
    const Vector difference = _mm512_sub_epi64(a, gap);
    return _mm512_mask_add_epi64(difference, _mm512_cmplt_epu64_mask(a, gap), a, b);
}

inline Vector sub_canonical(Vector a, Vector b) {
    const Vector difference = _mm512_sub_epi64(a, b);
    return _mm512_mask_sub_epi64(difference, _mm512_cmplt_epu64_mask(a, b), difference,
                                 vector_broadcast(0 - kPrime));
}

// loose + canonical, loose result.
inline Vector add_loose(Vector a, Vector b) {
    const Vector sum = _mm512_add_epi64(a, b);
    return _mm512_mask_add_epi64(sum, _mm512_cmplt_epu64_mask(sum, b), sum, vector_broadcast(kEpsilon));
}

// loose - canonical, loose result.
inline Vector sub_loose(Vector a, Vector b) {
    const Vector difference = _mm512_sub_epi64(a, b);
    return _mm512_mask_sub_epi64(difference, _mm512_cmplt_epu64_mask(a, b), difference, vector_broadcast(kEpsilon));
}

// loose + canonical - canonical, loose result.
inline Vector add_sub_loose(Vector a, Vector b, Vector c) { return sub_loose(add_loose(a, b), c); }

// lo + 2^64 hi, loose result.
inline Vector reduce_pair(Vector lo, Vector hi) {
    const Vector epsilon = vector_broadcast(kEpsilon);
    const Vector top = _mm512_srli_epi64(hi, 32);
    Vector t = _mm512_sub_epi64(lo, top);
    t = _mm512_mask_sub_epi64(t, _mm512_cmplt_epu64_mask(lo, top), t, epsilon);
    const Vector u = _mm512_mul_epu32(hi, epsilon);
    const Vector r = _mm512_add_epi64(t, u);
    return _mm512_mask_add_epi64(r, _mm512_cmplt_epu64_mask(r, u), r, epsilon);
}

// loose * loose, loose result.
inline Vector mul_loose(Vector a, Vector b) {
    const Vector a_high = _mm512_srli_epi64(a, 32);
    const Vector b_high = _mm512_srli_epi64(b, 32);
    const Vector low = _mm512_mul_epu32(a, b);
    const Vector cross0 = _mm512_mul_epu32(a_high, b);
    const Vector cross1 = _mm512_mul_epu32(a, b_high);
    const Vector high = _mm512_mul_epu32(a_high, b_high);
    const Vector t0 = _mm512_add_epi64(cross0, _mm512_srli_epi64(low, 32));
    const Vector t1 = _mm512_add_epi64(cross1, t0);
    const Vector sum = _mm512_add_epi64(high, _mm512_srli_epi64(t1, 32));
    const Vector hi = _mm512_mask_add_epi64(sum, _mm512_cmplt_epu64_mask(t1, t0), sum, vector_broadcast(1ULL << 32));
    const Vector lo = _mm512_mask_blend_epi32(0xaaaa, low, _mm512_slli_epi64(t1, 32));
    return reduce_pair(lo, hi);
}

inline Vector square_loose(Vector a) {
    const Vector a_high = _mm512_srli_epi64(a, 32);
    const Vector low = _mm512_mul_epu32(a, a);
    const Vector cross = _mm512_mul_epu32(a_high, a);
    const Vector high = _mm512_mul_epu32(a_high, a_high);
    const Vector t = _mm512_add_epi64(cross, _mm512_srli_epi64(low, 33));
    const Vector hi = _mm512_add_epi64(high, _mm512_srli_epi64(t, 31));
    const Vector lo = _mm512_add_epi64(low, _mm512_slli_epi64(cross, 33));
    return reduce_pair(lo, hi);
}

template <unsigned bits>
inline Vector shift_left(Vector a) {
    return _mm512_slli_epi64(a, bits);
}
template <unsigned bits>
inline Vector shift_right(Vector a) {
    return _mm512_srli_epi64(a, bits);
}
// The product of the low halves of the lanes.
inline Vector mul_low_halves(Vector a, Vector b) { return _mm512_mul_epu32(a, b); }
// sum + a * b for a, b < 2^32 with a * b < 2^52.
inline Vector mul_add_small(Vector sum, Vector a, Vector b) { return _mm512_madd52lo_epu64(sum, a, b); }
// Plain sums and differences modulo 2^64.
inline Vector add_wrapping(Vector a, Vector b) { return _mm512_add_epi64(a, b); }
inline Vector sub_wrapping(Vector a, Vector b) { return _mm512_sub_epi64(a, b); }
inline Vector low_half(Vector a) { return _mm512_and_si512(a, vector_broadcast(kEpsilon)); }

// Of the 2 * kVectorLanes numbers (a, b): those at even places into a, those at odd places into b.
inline void deinterleave(Vector& a, Vector& b) {
    const Vector even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const Vector odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    const Vector evens = _mm512_permutex2var_epi64(a, even, b);
    b = _mm512_permutex2var_epi64(a, odd, b);
    a = evens;
}

inline void transpose(Vector (&v)[8]) {
    Vector pairs[8];
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm512_unpacklo_epi64(v[i], v[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_epi64(v[i], v[i + 1]);
    }
    for (int c = 0; c < 2; ++c) {
        const Vector low0 = _mm512_shuffle_i64x2(pairs[c], pairs[2 + c], 0x88);
        const Vector low1 = _mm512_shuffle_i64x2(pairs[4 + c], pairs[6 + c], 0x88);
        const Vector high0 = _mm512_shuffle_i64x2(pairs[c], pairs[2 + c], 0xdd);
        const Vector high1 = _mm512_shuffle_i64x2(pairs[4 + c], pairs[6 + c], 0xdd);
        v[c] = _mm512_shuffle_i64x2(low0, low1, 0x88);
        v[4 + c] = _mm512_shuffle_i64x2(low0, low1, 0xdd);
        v[2 + c] = _mm512_shuffle_i64x2(high0, high1, 0x88);
        v[6 + c] = _mm512_shuffle_i64x2(high0, high1, 0xdd);
    }
}

#elif defined(HM_ISA_avx2)

using Vector = __m256i;
inline constexpr std::size_t kVectorLanes = 4;

inline Vector vector_load(const std::uint64_t* source) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
}
inline void vector_store(std::uint64_t* target, Vector v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target), v);
}
inline Vector vector_broadcast(std::uint64_t x) { return _mm256_set1_epi64x(static_cast<long long>(x)); }

// AVX2 compares signed numbers only. With the sign bit inverted, unsigned ones compare as they do; a sum of one such
// number and a plain one has its sign bit inverted again, and a difference of two is plain.
inline constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// All ones where a < b as unsigned numbers.
inline Vector less(Vector a, Vector b) {
    const Vector sign = vector_broadcast(kSign);
    return _mm256_cmpgt_epi64(_mm256_xor_si256(b, sign), _mm256_xor_si256(a, sign));
}

inline Vector canonical(Vector x) {
    const Vector prime = vector_broadcast(kPrime);
    return _mm256_sub_epi64(x, _mm256_andnot_si256(less(x, prime), prime));
}

inline Vector add_canonical(Vector a, Vector b) {
    const Vector signed_a = _mm256_xor_si256(a, vector_broadcast(kSign));
    const Vector signed_gap = _mm256_sub_epi64(vector_broadcast(kPrime + kSign), b);
    const Vector below = _mm256_and_si256(_mm256_cmpgt_epi64(signed_gap, signed_a), vector_broadcast(kPrime));
    return _mm256_add_epi64(_mm256_sub_epi64(signed_a, signed_gap), below);
}

inline Vector sub_canonical(Vector a, Vector b) {
    return _mm256_add_epi64(_mm256_sub_epi64(a, b), _mm256_and_si256(less(a, b), vector_broadcast(kPrime)));
}

// A mask is the number -1, whose logical shift by 32 is epsilon.
inline Vector add_loose(Vector a, Vector b) {
    const Vector sum = _mm256_add_epi64(a, b);
    return _mm256_add_epi64(sum, _mm256_srli_epi64(less(sum, b), 32));
}

inline Vector sub_loose(Vector a, Vector b) {
    return _mm256_sub_epi64(_mm256_sub_epi64(a, b), _mm256_srli_epi64(less(a, b), 32));
}

// a + b for b with its sign bit inverted, the result's inverted too.
inline Vector add_signed_loose(Vector a, Vector b) {
    const Vector sum = _mm256_add_epi64(a, b);
    return _mm256_add_epi64(sum, _mm256_srli_epi64(_mm256_cmpgt_epi64(b, sum), 32));
}

inline Vector add_sub_loose(Vector a, Vector b, Vector c) {
    const Vector sign = vector_broadcast(kSign);
    const Vector t = add_signed_loose(a, _mm256_xor_si256(b, sign));
    const Vector difference = _mm256_sub_epi64(t, c);
    const Vector borrow = _mm256_srli_epi64(_mm256_cmpgt_epi64(difference, t), 32);
    return _mm256_xor_si256(_mm256_sub_epi64(difference, borrow), sign);
}

inline Vector reduce_pair(Vector lo, Vector hi) {
    const Vector sign = vector_broadcast(kSign);
    const Vector start = _mm256_xor_si256(lo, sign);
    const Vector difference = _mm256_sub_epi64(start, _mm256_srli_epi64(hi, 32));
    const Vector borrow = _mm256_srli_epi64(_mm256_cmpgt_epi64(difference, start), 32);
    const Vector t = _mm256_sub_epi64(difference, borrow);
    return _mm256_xor_si256(add_signed_loose(_mm256_mul_epu32(hi, vector_broadcast(kEpsilon)), t), sign);
}

// A product's four 32-bit digits: the lowest in `low`, the second in `middle`, both with other bits above, and two more.
struct Digits {
    Vector low;
    Vector middle;
    Vector high;
};

inline Digits multiply_digits(Vector a, Vector b) {
    const Vector epsilon = vector_broadcast(kEpsilon);
    const Vector a_high = _mm256_srli_epi64(a, 32);
    const Vector b_high = _mm256_srli_epi64(b, 32);
    const Vector low = _mm256_mul_epu32(a, b);
    const Vector cross0 = _mm256_mul_epu32(a_high, b);
    const Vector cross1 = _mm256_mul_epu32(a, b_high);
    const Vector high = _mm256_mul_epu32(a_high, b_high);
    const Vector t0 = _mm256_add_epi64(cross0, _mm256_srli_epi64(low, 32));
    const Vector t1 = _mm256_add_epi64(cross1, _mm256_and_si256(t0, epsilon));
    return {low, t1, _mm256_add_epi64(_mm256_add_epi64(high, _mm256_srli_epi64(t0, 32)), _mm256_srli_epi64(t1, 32))};
}

inline Vector mul_loose(Vector a, Vector b) {
    const Digits x = multiply_digits(a, b);
    return reduce_pair(_mm256_blend_epi32(x.low, _mm256_slli_epi64(x.middle, 32), 0xaa), x.high);
}

inline Vector square_loose(Vector a) {
    const Vector a_high = _mm256_srli_epi64(a, 32);
    const Vector low = _mm256_mul_epu32(a, a);
    const Vector cross = _mm256_mul_epu32(a_high, a);
    const Vector high = _mm256_mul_epu32(a_high, a_high);
    const Vector t = _mm256_add_epi64(cross, _mm256_srli_epi64(low, 33));
    const Vector hi = _mm256_add_epi64(high, _mm256_srli_epi64(t, 31));
    const Vector lo = _mm256_add_epi64(low, _mm256_slli_epi64(cross, 33));
    return reduce_pair(lo, hi);
}

template <unsigned bits>
inline Vector shift_left(Vector a) {
    return _mm256_slli_epi64(a, bits);
}
template <unsigned bits>
inline Vector shift_right(Vector a) {
    return _mm256_srli_epi64(a, bits);
}
inline Vector mul_low_halves(Vector a, Vector b) { return _mm256_mul_epu32(a, b); }
inline Vector mul_add_small(Vector sum, Vector a, Vector b) { return _mm256_add_epi64(sum, _mm256_mul_epu32(a, b)); }
inline Vector add_wrapping(Vector a, Vector b) { return _mm256_add_epi64(a, b); }
inline Vector sub_wrapping(Vector a, Vector b) { return _mm256_sub_epi64(a, b); }
inline Vector low_half(Vector a) { return _mm256_and_si256(a, vector_broadcast(kEpsilon)); }

inline void deinterleave(Vector& a, Vector& b) {
    const Vector low = _mm256_permute2x128_si256(a, b, 0x20);
    const Vector high = _mm256_permute2x128_si256(a, b, 0x31);
    a = _mm256_unpacklo_epi64(low, high);
    b = _mm256_unpackhi_epi64(low, high);
}

inline void transpose(Vector (&v)[4]) {
    const Vector low0 = _mm256_unpacklo_epi64(v[0], v[1]);
    const Vector high0 = _mm256_unpackhi_epi64(v[0], v[1]);
    const Vector low1 = _mm256_unpacklo_epi64(v[2], v[3]);
    const Vector high1 = _mm256_unpackhi_epi64(v[2], v[3]);
    v[0] = _mm256_permute2x128_si256(low0, low1, 0x20);
    v[1] = _mm256_permute2x128_si256(high0, high1, 0x20);
    v[2] = _mm256_permute2x128_si256(low0, low1, 0x31);
    v[3] = _mm256_permute2x128_si256(high0, high1, 0x31);
}

#else

using Vector = std::uint64_t;
inline constexpr std::size_t kVectorLanes = 1;

inline Vector vector_load(const std::uint64_t* source) { return *source; }
inline void vector_store(std::uint64_t* target, Vector v) { *target = v; }
inline Vector vector_broadcast(std::uint64_t x) { return x; }
inline Vector canonical(Vector x) { return reduce64(x); }
inline Vector add_canonical(Vector a, Vector b) { return (Fp(a) + Fp(b)).value; }
inline Vector sub_canonical(Vector a, Vector b) { return (Fp(a) - Fp(b)).value; }
inline Vector add_loose(Vector a, Vector b) { return add_with_epsilon(a, b); }
inline Vector sub_loose(Vector a, Vector b) { return subtract_with_epsilon(a, b); }
inline Vector add_sub_loose(Vector a, Vector b, Vector c) { return sub_loose(add_loose(a, b), c); }
inline Vector reduce_pair(Vector lo, Vector hi) {
    return reduce128_loose((static_cast<unsigned __int128>(hi) << 64) | lo);
}

struct Digits {
    Vector low;
    Vector middle;
    Vector high;
};

inline Digits multiply_digits(Vector a, Vector b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    const auto lo = static_cast<std::uint64_t>(product);
    return {lo, lo >> 32, static_cast<std::uint64_t>(product >> 64)};
}

inline Vector mul_loose(Vector a, Vector b) { return reduce128_loose(static_cast<unsigned __int128>(a) * b); }
inline Vector square_loose(Vector a) { return mul_loose(a, a); }

template <unsigned bits>
inline Vector shift_left(Vector a) {
    return a << bits;
}
template <unsigned bits>
inline Vector shift_right(Vector a) {
    return a >> bits;
}
inline Vector mul_low_halves(Vector a, Vector b) { return (a & kEpsilon) * (b & kEpsilon); }
inline Vector mul_add_small(Vector sum, Vector a, Vector b) { return sum + a * b; }
inline Vector add_wrapping(Vector a, Vector b) { return a + b; }
inline Vector sub_wrapping(Vector a, Vector b) { return a - b; }
inline Vector low_half(Vector a) { return a & kEpsilon; }
// One lane: the pair is already apart.
inline void deinterleave(Vector&, Vector&) {}
inline void transpose(Vector (&)[1]) {}

#endif

// What callers add to the low half that they join, with a constant that they add anyway: AVX2 compares it.
#if defined(HM_ISA_avx2)
inline constexpr std::uint64_t kJoinOffset = kSign;
#else
inline constexpr std::uint64_t kJoinOffset = 0;
#endif

// low - kJoinOffset + 2^32 high for low - kJoinOffset < 2^64 - 2^54 and high < 2^54, with AVX-512 2^52 for both, loose
// result: the shifted half is a multiple of 2^32, so adding epsilon after a carry does not carry again.
inline Vector join_halves(Vector low, Vector high) {
    const Vector rest = mul_add_small(low, shift_right<32>(high), vector_broadcast(kEpsilon));
#if defined(HM_ISA_avx2)
    return _mm256_xor_si256(add_signed_loose(shift_left<32>(high), rest), vector_broadcast(kSign));
#else
    return add_loose(shift_left<32>(high), rest);
#endif
}

// x 2^bits, canonical, for bits < 96: 2^64 = 2^32 - 1 and 2^96 = -1 make it shifts and one small product.
template <unsigned bits>
inline Vector mul_power_of_two(Vector x) {
    const Vector epsilon = vector_broadcast(kEpsilon);
    static_assert(bits < 96);
    if constexpr (bits == 0) {
        return canonical(x);
    } else if constexpr (bits <= 32) {
        return canonical(add_loose(shift_left<bits>(x), mul_low_halves(shift_right<64 - bits>(x), epsilon)));
    } else if constexpr (bits < 64) {
        return canonical(reduce_pair(shift_left<bits>(x), shift_right<64 - bits>(x)));
    } else {
        const Vector low = mul_low_halves(shift_left<bits - 64>(x), epsilon);
        return canonical(sub_loose(low, shift_right<96 - bits>(x)));
    }
}

}  // namespace hm
