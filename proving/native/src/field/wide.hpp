// Sums of products with one reduction at the end. At most kWideTerms products may be added to one sum.
#pragma once

#include "field/packed.hpp"

namespace hm {

#if defined(HM_ISA_avx512)

inline constexpr std::size_t kWideTerms = 1024;

// An element as the multiplier sees it: IFMA reads the low 52 bits of `low`, `high` is what lies above them.
struct Factor {
    Vector low;
    Vector high;

    explicit Factor(Packed x) : low(x.v), high(shift_right<52>(x.v)) {}
};

// The second factor of a product, which may be prepared once for many.
struct Coefficient {
    static constexpr std::size_t kParts = 2;
    Vector parts[kParts];

    Coefficient() = default;
    explicit Coefficient(Packed x) : parts{x.v, shift_right<52>(x.v)} {}
};

// low + 2^52 middle + 2^104 high. A product adds less than 2^53, 2^54 and 2^25 to them.
struct Wide {
    Vector low = vector_broadcast(0);
    Vector middle = vector_broadcast(0);
    Vector high = vector_broadcast(0);

    void add(const Factor& a, const Coefficient& b) {
        low = _mm512_madd52lo_epu64(low, a.low, b.parts[0]);
        middle = _mm512_madd52hi_epu64(middle, a.low, b.parts[0]);
        middle = _mm512_madd52lo_epu64(middle, a.low, b.parts[1]);
        high = _mm512_madd52hi_epu64(high, a.low, b.parts[1]);
        middle = _mm512_madd52lo_epu64(middle, a.high, b.parts[0]);
        high = _mm512_madd52hi_epu64(high, a.high, b.parts[0]);
        high = _mm512_madd52lo_epu64(high, a.high, b.parts[1]);
    }

    // 2^64 = 2^32 - 1, 2^96 = -1 and 2^104 = -2^8.
    Packed reduce() const {
        const Vector t = add_loose(low, shift_left<52>(middle));
        const Vector u = add_loose(t, mul_low_halves(shift_right<12>(middle), vector_broadcast(kEpsilon)));
        const Vector s = add_wrapping(shift_right<44>(middle), shift_left<8>(high));
        return {canonical(sub_loose(u, s))};
    }
};

#elif defined(HM_ISA_avx2)

inline constexpr std::size_t kWideTerms = 256;

struct Factor {
    Vector low;
    Vector high;

    explicit Factor(Packed x) : low(x.v), high(shift_right<32>(x.v)) {}
};

// Limbs of 22, 22 and 20 bits of an element, and of 2^32 times it: what half a factor is multiplied by is so short that
// products can be added up.
struct Coefficient {
    static constexpr std::size_t kParts = 6;
    Vector parts[kParts];

    Coefficient() = default;
    explicit Coefficient(Packed x) {
        const Vector mask = vector_broadcast((std::uint64_t{1} << 22) - 1);
        const Vector elements[2] = {x.v, mul_power_of_two<32>(x.v)};
        for (std::size_t i = 0; i < 2; ++i) {
            parts[3 * i] = _mm256_and_si256(elements[i], mask);
            parts[3 * i + 1] = _mm256_and_si256(shift_right<22>(elements[i]), mask);
            parts[3 * i + 2] = shift_right<44>(elements[i]);
        }
    }
};

// sums[0] + 2^22 sums[1] + 2^44 sums[2]. A product adds less than 2^55 to each.
struct Wide {
    Vector sums[3] = {vector_broadcast(0), vector_broadcast(0), vector_broadcast(0)};

    void add(const Factor& a, const Coefficient& b) {
        for (std::size_t k = 0; k < 3; ++k) {
            sums[k] = add_wrapping(sums[k], mul_low_halves(a.low, b.parts[k]));
            sums[k] = add_wrapping(sums[k], mul_low_halves(a.high, b.parts[3 + k]));
        }
    }

    // As low + 2^32 high, with 2^64 = 2^32 - 1. p is added, as 2^44 + 1 + 2^32 (2^32 - 1 - 2^12), to keep low positive.
    Packed reduce() const {
        const Vector over = shift_right<20>(sums[2]);
        const Vector low = add_wrapping(low_half(sums[0]), shift_right<32>(shift_left<54>(sums[1])));
        const Vector bias_low = vector_broadcast((std::uint64_t{1} << 44) + 1 + kJoinOffset);
        const Vector bias_high = vector_broadcast(kEpsilon - (std::uint64_t{1} << 12));
        const Vector high = add_wrapping(add_wrapping(shift_right<32>(sums[0]), shift_right<10>(sums[1])),
                                         shift_right<32>(shift_left<44>(sums[2])));
        return {canonical(join_halves(add_wrapping(low, sub_wrapping(bias_low, over)),
                                      add_wrapping(high, add_wrapping(bias_high, over))))};
    }
};

#else

inline constexpr std::size_t kWideTerms = std::size_t{1} << 32;

struct Factor {
    std::uint64_t value;

    explicit Factor(Packed x) : value(x.v) {}
};

struct Coefficient {
    static constexpr std::size_t kParts = 1;
    Vector parts[kParts];

    Coefficient() = default;
    explicit Coefficient(Packed x) : parts{x.v} {}
};

// sum + 2^128 carries
struct Wide {
    unsigned __int128 sum = 0;
    std::uint64_t carries = 0;

    void add(const Factor& a, const Coefficient& b) {
        const unsigned __int128 product = static_cast<unsigned __int128>(a.value) * b.parts[0];
        sum += product;
        carries += sum < product;
    }
    // 2^128 = -2^32.
    Packed reduce() const { return {canonical(sub_loose(reduce128_loose(sum), shift_left<32>(carries)))}; }
};

#endif

// Stored coefficients: whole vectors, part after part, or the parts of one element.
inline void store(const Coefficient& coefficient, std::uint64_t* target) {
    for (std::size_t k = 0; k < Coefficient::kParts; ++k)
        vector_store(target + k * kVectorLanes, coefficient.parts[k]);
}
inline Coefficient load_coefficient(const std::uint64_t* source) {
    Coefficient result;
    for (std::size_t k = 0; k < Coefficient::kParts; ++k) result.parts[k] = vector_load(source + k * kVectorLanes);
    return result;
}
inline void store_parts(std::uint64_t element, std::uint64_t* target) {
    const Coefficient coefficient(Packed::broadcast(element));
    std::uint64_t lanes[Coefficient::kParts * kVectorLanes];
    store(coefficient, lanes);
    for (std::size_t k = 0; k < Coefficient::kParts; ++k) target[k] = lanes[k * kVectorLanes];
}
inline Coefficient broadcast_coefficient(const std::uint64_t* parts) {
    Coefficient result;
    for (std::size_t k = 0; k < Coefficient::kParts; ++k) result.parts[k] = vector_broadcast(parts[k]);
    return result;
}

}  // namespace hm
