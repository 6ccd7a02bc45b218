// Sums of products with one reduction at the end. At most kWideTerms products may be added to one sum.
#pragma once

#include "field/packed.hpp"

namespace hm {

inline constexpr std::size_t kWideTerms = 64;

#if defined(HM_ISA_avx512)

// An element as the multiplier sees it: IFMA reads the low 52 bits of `low`, `high` is what lies above them.
struct Factor {
    Vector low;
    Vector high;

    explicit Factor(Packed x) : low(x.v), high(_mm512_srli_epi64(x.v, 52)) {}
    // Split before it is spread, which keeps the shift off the multiplier's port.
    static Factor broadcast(std::uint64_t x) { return Factor(vector_broadcast(x), vector_broadcast(x >> 52)); }

  private:
    Factor(Vector low_part, Vector high_part) : low(low_part), high(high_part) {}
};

// low + 2^52 middle + 2^104 high. A product adds less than 2^53, 2^54 and 2^25 to them.
struct Wide {
    Vector low;
    Vector middle;
    Vector high;

    static Wide zero() { return {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()}; }

    void add(const Factor& a, const Factor& b) {
        low = _mm512_madd52lo_epu64(low, a.low, b.low);
        middle = _mm512_madd52hi_epu64(middle, a.low, b.low);
        middle = _mm512_madd52lo_epu64(middle, a.low, b.high);
        high = _mm512_madd52hi_epu64(high, a.low, b.high);
        middle = _mm512_madd52lo_epu64(middle, a.high, b.low);
        high = _mm512_madd52hi_epu64(high, a.high, b.low);
        high = _mm512_madd52lo_epu64(high, a.high, b.high);
    }

    // 2^64 = 2^32 - 1, 2^96 = -1 and 2^104 = -2^8.
    Packed reduce() const {
        const Vector t = add_loose(low, _mm512_slli_epi64(middle, 52));
        const Vector u = add_loose(t, _mm512_mul_epu32(_mm512_srli_epi64(middle, 12), vector_broadcast(kEpsilon)));
        const Vector s = _mm512_add_epi64(_mm512_srli_epi64(middle, 44), _mm512_slli_epi64(high, 8));
        return {canonical(sub_loose(u, s))};
    }
};

#elif defined(HM_ISA_avx2)

struct Factor {
    Packed value;

    explicit Factor(Packed x) : value(x) {}
    static Factor broadcast(std::uint64_t x) { return Factor(Packed::broadcast(x)); }
};

struct Wide {
    Packed sum;

    static Wide zero() { return {Packed::broadcast(Fp(0))}; }
    void add(const Factor& a, const Factor& b) { sum += a.value * b.value; }
    Packed reduce() const { return sum; }
};

#else

struct Factor {
    std::uint64_t value;

    explicit Factor(Packed x) : value(x.v) {}
    static Factor broadcast(std::uint64_t x) { return Factor(Packed::broadcast(x)); }
};

// sum + 2^128 carries
struct Wide {
    unsigned __int128 sum;
    std::uint64_t carries;

    static Wide zero() { return {0, 0}; }
    void add(const Factor& a, const Factor& b) {
        const unsigned __int128 product = static_cast<unsigned __int128>(a.value) * b.value;
        sum += product;
        carries += sum < product;
    }
    // 2^128 = -2^32.
    Packed reduce() const { return {canonical(sub_loose(reduce128_loose(sum), carries << 32))}; }
};

#endif

}  // namespace hm
