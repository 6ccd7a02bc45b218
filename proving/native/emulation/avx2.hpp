// The AVX2 intrinsics that the kernels use, in portable C++, after their descriptions in Intel's intrinsics guide.
#pragma once

#include <cstring>

#include "emulation/lanes.hpp"

namespace hm {

struct __m256i : Lanes<4> {};

inline __m256i _mm256_loadu_si256(const __m256i* source) {
    __m256i result;
    std::memcpy(result.lane, source, sizeof result.lane);
    return result;
}

inline void _mm256_storeu_si256(__m256i* target, __m256i a) { std::memcpy(target, a.lane, sizeof a.lane); }

inline __m256i _mm256_set1_epi64x(long long x) {
    return each_lane<__m256i>([&](std::size_t) { return static_cast<std::uint64_t>(x); });
}

inline __m256i _mm256_add_epi64(__m256i a, __m256i b) {
    return each_lane<__m256i>([&](std::size_t i) { return a.lane[i] + b.lane[i]; });
}

inline __m256i _mm256_sub_epi64(__m256i a, __m256i b) {
    return each_lane<__m256i>([&](std::size_t i) { return a.lane[i] - b.lane[i]; });
}

// The product of the lower 32 bits of each lane, unsigned.
inline __m256i _mm256_mul_epu32(__m256i a, __m256i b) {
    return each_lane<__m256i>([&](std::size_t i) { return low_word(a.lane[i]) * low_word(b.lane[i]); });
}

inline __m256i _mm256_and_si256(__m256i a, __m256i b) {
    return each_lane<__m256i>([&](std::size_t i) { return a.lane[i] & b.lane[i]; });
}

// The first operand is the one that is inverted.
inline __m256i _mm256_andnot_si256(__m256i a, __m256i b) {
    return each_lane<__m256i>([&](std::size_t i) { return ~a.lane[i] & b.lane[i]; });
}

inline __m256i _mm256_xor_si256(__m256i a, __m256i b) {
    return each_lane<__m256i>([&](std::size_t i) { return a.lane[i] ^ b.lane[i]; });
}

// All ones where a > b as signed numbers.
inline __m256i _mm256_cmpgt_epi64(__m256i a, __m256i b) {
    return each_lane<__m256i>([&](std::size_t i) {
        return static_cast<std::int64_t>(a.lane[i]) > static_cast<std::int64_t>(b.lane[i]) ? ~std::uint64_t{0} : 0;
    });
}

inline __m256i _mm256_slli_epi64(__m256i a, int count) {
    return each_lane<__m256i>([&](std::size_t i) { return shifted_left(a.lane[i], static_cast<unsigned>(count) & 255); });
}

inline __m256i _mm256_srli_epi64(__m256i a, int count) {
    return each_lane<__m256i>([&](std::size_t i) { return shifted_right(a.lane[i], static_cast<unsigned>(count) & 255); });
}

// Bit j of the mask takes 32-bit element j from b.
inline __m256i _mm256_blend_epi32(__m256i a, __m256i b, int mask) {
    return each_lane<__m256i>([&](std::size_t i) {
        return blend_words(static_cast<unsigned>(mask) >> (2 * i), a.lane[i], b.lane[i]);
    });
}

// Inside each 128-bit part: the lower lane of a, then the lower lane of b.
inline __m256i _mm256_unpacklo_epi64(__m256i a, __m256i b) {
    return {{{a.lane[0], b.lane[0], a.lane[2], b.lane[2]}}};
}

inline __m256i _mm256_unpackhi_epi64(__m256i a, __m256i b) {
    return {{{a.lane[1], b.lane[1], a.lane[3], b.lane[3]}}};
}

// Each 128-bit part is one of the four of (a, b), chosen by two bits of its half of the mask, or zero by its fourth bit.
inline __m256i _mm256_permute2x128_si256(__m256i a, __m256i b, int mask) {
    return each_lane<__m256i>([&](std::size_t i) -> std::uint64_t {
        const unsigned control = static_cast<unsigned>(mask) >> (4 * (i / 2));
        if (control & 8) return 0;
        const __m256i& source = control & 2 ? b : a;
        return source.lane[2 * (control & 1) + i % 2];
    });
}

}  // namespace hm
