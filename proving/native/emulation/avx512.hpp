// The AVX-512 intrinsics (F and IFMA) that the kernels use, in portable C++, after their descriptions in Intel's
// intrinsics guide.
#pragma once

#include <cstring>

#include "emulation/lanes.hpp"

namespace hm {

struct __m512i : Lanes<8> {};
using __mmask8 = std::uint8_t;
using __mmask16 = std::uint16_t;

inline __m512i _mm512_loadu_si512(const void* source) {
    __m512i result;
    std::memcpy(result.lane, source, sizeof result.lane);
    return result;
}

inline void _mm512_storeu_si512(void* target, __m512i a) { std::memcpy(target, a.lane, sizeof a.lane); }

inline __m512i _mm512_set1_epi64(long long x) {
    return each_lane<__m512i>([&](std::size_t) { return static_cast<std::uint64_t>(x); });
}

inline __m512i _mm512_setzero_si512() { return _mm512_set1_epi64(0); }

// Lanes from the lowest on.
inline __m512i _mm512_setr_epi64(long long x0, long long x1, long long x2, long long x3, long long x4, long long x5,
                                 long long x6, long long x7) {
    const long long lanes[8] = {x0, x1, x2, x3, x4, x5, x6, x7};
    return each_lane<__m512i>([&](std::size_t i) { return static_cast<std::uint64_t>(lanes[i]); });
}

inline __m512i _mm512_add_epi64(__m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return a.lane[i] + b.lane[i]; });
}

inline __m512i _mm512_sub_epi64(__m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return a.lane[i] - b.lane[i]; });
}

// Where the mask's bit is clear, the lane is the source's.
inline __m512i _mm512_mask_add_epi64(__m512i source, __mmask8 mask, __m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return mask >> i & 1 ? a.lane[i] + b.lane[i] : source.lane[i]; });
}

inline __m512i _mm512_mask_sub_epi64(__m512i source, __mmask8 mask, __m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return mask >> i & 1 ? a.lane[i] - b.lane[i] : source.lane[i]; });
}

inline __mmask8 _mm512_cmplt_epu64_mask(__m512i a, __m512i b) {
    unsigned mask = 0;
    for (unsigned i = 0; i < 8; ++i) mask |= static_cast<unsigned>(a.lane[i] < b.lane[i]) << i;
    return static_cast<__mmask8>(mask);
}

inline __m512i _mm512_min_epu64(__m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}

// The product of the lower 32 bits of each lane, unsigned.
inline __m512i _mm512_mul_epu32(__m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return low_word(a.lane[i]) * low_word(b.lane[i]); });
}

// The product of 52-bit numbers; what lies above 52 bits of a factor is not read.
inline unsigned __int128 product52(std::uint64_t a, std::uint64_t b) {
    constexpr std::uint64_t bits = (std::uint64_t{1} << 52) - 1;
    return static_cast<unsigned __int128>(a & bits) * (b & bits);
}

// The sum of a 64-bit number and the lower 52 bits of the product.
inline __m512i _mm512_madd52lo_epu64(__m512i sum, __m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) {
        return sum.lane[i] + (static_cast<std::uint64_t>(product52(a.lane[i], b.lane[i])) & ((std::uint64_t{1} << 52) - 1));
    });
}

// The sum of a 64-bit number and the upper 52 bits of the product.
inline __m512i _mm512_madd52hi_epu64(__m512i sum, __m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) {
        return sum.lane[i] + static_cast<std::uint64_t>(product52(a.lane[i], b.lane[i]) >> 52);
    });
}

inline __m512i _mm512_and_si512(__m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return a.lane[i] & b.lane[i]; });
}

inline __m512i _mm512_or_si512(__m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return a.lane[i] | b.lane[i]; });
}

// Every bit is the entry of the truth table that the bits of a, b and c name, a's being the highest.
inline __m512i _mm512_ternarylogic_epi64(__m512i a, __m512i b, __m512i c, int table) {
    return each_lane<__m512i>([&](std::size_t i) {
        std::uint64_t result = 0;
        for (unsigned entry = 0; entry < 8; ++entry) {
            if (!(table >> entry & 1)) continue;
            result |= (entry & 4 ? a.lane[i] : ~a.lane[i]) & (entry & 2 ? b.lane[i] : ~b.lane[i]) &
                      (entry & 1 ? c.lane[i] : ~c.lane[i]);
        }
        return result;
    });
}

inline __m512i _mm512_slli_epi64(__m512i a, unsigned count) {
    return each_lane<__m512i>([&](std::size_t i) { return shifted_left(a.lane[i], count & 255); });
}

inline __m512i _mm512_srli_epi64(__m512i a, unsigned count) {
    return each_lane<__m512i>([&](std::size_t i) { return shifted_right(a.lane[i], count & 255); });
}

// The sign fills what is shifted in, and everything for counts from 64 on.
inline __m512i _mm512_srai_epi64(__m512i a, unsigned count) {
    return each_lane<__m512i>([&](std::size_t i) {
        const unsigned bits = (count & 255) > 63 ? 63 : count & 255;
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(a.lane[i]) >> bits);
    });
}

// Bit j of the mask takes 32-bit element j from b.
inline __m512i _mm512_mask_blend_epi32(__mmask16 mask, __m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return blend_words(mask >> (2 * i) & 3u, a.lane[i], b.lane[i]); });
}

// Bit i of the mask takes lane i from b.
inline __m512i _mm512_mask_blend_epi64(__mmask8 mask, __m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return mask >> i & 1 ? b.lane[i] : a.lane[i]; });
}

// Inside each 128-bit part: the lower lane of a, then the lower lane of b.
inline __m512i _mm512_unpacklo_epi64(__m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return i % 2 ? b.lane[i - 1] : a.lane[i]; });
}

inline __m512i _mm512_unpackhi_epi64(__m512i a, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) { return i % 2 ? b.lane[i] : a.lane[i + 1]; });
}

// Two 128-bit parts of a, then two of b, each chosen by two bits.
inline __m512i _mm512_shuffle_i64x2(__m512i a, __m512i b, int control) {
    return each_lane<__m512i>([&](std::size_t i) {
        const __m512i& source = i < 4 ? a : b;
        const unsigned part = static_cast<unsigned>(control) >> (2 * (i / 2)) & 3;
        return source.lane[2 * part + i % 2];
    });
}

// Lane i is the one that four bits of the index name among the 16 of (a, b).
inline __m512i _mm512_permutex2var_epi64(__m512i a, __m512i index, __m512i b) {
    return each_lane<__m512i>([&](std::size_t i) {
        const __m512i& source = index.lane[i] & 8 ? b : a;
        return source.lane[index.lane[i] & 7];
    });
}

}  // namespace hm
