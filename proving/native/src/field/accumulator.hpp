// Sums of many products of field elements with few reductions.
#pragma once

#include "field/packed.hpp"

namespace hm {

#if defined(HM_ISA_avx512)

// Products are kept in limbs of 52 bits: a vector of 64-bit numbers x is x mod 2^52 + 2^52 (x >> 52).
class Accumulator {
  public:
    // Sums of more products must be taken in parts.
    static constexpr std::size_t kMaxTerms = 1024;

    // A factor with its upper limb at hand.
    struct Factor {
        Vector low;
        Vector high;
        Factor() = default;
        explicit Factor(Vector x) : low(x), high(shift_right<52>(x)) {}
    };

    void add(const Factor& a, const Factor& b) {
        limb0_ = _mm512_madd52lo_epu64(limb0_, a.low, b.low);
        limb1_ = _mm512_madd52hi_epu64(limb1_, a.low, b.low);
        limb1_ = _mm512_madd52lo_epu64(limb1_, a.low, b.high);
        limb1_ = _mm512_madd52lo_epu64(limb1_, a.high, b.low);
        limb2_ = _mm512_madd52hi_epu64(limb2_, a.low, b.high);
        limb2_ = _mm512_madd52hi_epu64(limb2_, a.high, b.low);
        limb2_ = _mm512_madd52lo_epu64(limb2_, a.high, b.high);
    }

    // The sum modulo p: 2^104 = -2^8.
    Packed result() const {
        return Packed{canonical(limb0_)} + Packed{mul_power_of_two<52>(limb1_)} - Packed{shift_left<8>(limb2_)};
    }

  private:
    Vector limb0_ = vector_broadcast(0);
    Vector limb1_ = vector_broadcast(0);
    Vector limb2_ = vector_broadcast(0);
};

#else

class Accumulator {
  public:
    static constexpr std::size_t kMaxTerms = std::size_t{1} << 32;

    struct Factor {
        Vector value;
        Factor() = default;
        explicit Factor(Vector x) : value(x) {}
    };

    void add(const Factor& a, const Factor& b) { sum_ = add_loose(mul_loose(a.value, b.value), canonical(sum_)); }
    Packed result() const { return {canonical(sum_)}; }

  private:
    Vector sum_ = vector_broadcast(0);
};

#endif

}  // namespace hm
