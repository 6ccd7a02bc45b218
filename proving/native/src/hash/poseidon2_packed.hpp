// Poseidon2 over Goldilocks on vectors: every lane is a state of its own.
//
// Linear layers work on the 32-bit halves of the elements, whose sums cannot overflow, and reduce once at the end. In the
// internal rounds the multiplications by small numbers and powers of 1/2 are shifts. Several batches are permuted
// together, round by round: the chain through the S-box of one hides behind the work of the others.
#pragma once

#include <algorithm>
#include <utility>

#include "field/halves.hpp"
#include "field/packed.hpp"
#include "hash/poseidon2.hpp"

namespace hm {

#if defined(HM_ISA_avx512)

// What a seventh power has too much: it keeps the low half positive.
inline constexpr std::uint64_t kHalvesExcess = std::uint64_t{1} << 52;

// low mod 2^52 + 2^52 high: the multiplier reads 52 bits, so a product needs no carries. high < kLimbBound.
struct Limbs {
    Vector low;
    Vector high;
};
inline constexpr std::uint64_t kLimbBound = 3 * (std::uint64_t{1} << 20) + (std::uint64_t{1} << 13) + 2;

// low + 2^52 middle + 2^104 high, low < 2^53, middle <= 3 * 2^52.
struct Product {
    Vector low;
    Vector middle;
    Vector high;
};
// 2^8 high must fit the multiplier.
static_assert(kLimbBound * kLimbBound + 3 * kLimbBound < std::uint64_t{1} << 44);

inline Product multiply(const Limbs& a, const Limbs& b, Vector low) {
    Vector middle = _mm512_madd52hi_epu64(_mm512_setzero_si512(), a.low, b.low);
    Vector high = _mm512_madd52hi_epu64(_mm512_setzero_si512(), a.low, b.high);
    middle = _mm512_madd52lo_epu64(middle, a.low, b.high);
    high = _mm512_madd52hi_epu64(high, a.high, b.low);
    middle = _mm512_madd52lo_epu64(middle, a.high, b.low);
    high = _mm512_madd52lo_epu64(high, a.high, b.high);
    return {_mm512_madd52lo_epu64(low, a.low, b.low), middle, high};
}

inline Product square(const Limbs& a, Vector low) {
    const Vector twice = _mm512_add_epi64(a.high, a.high);
    Vector middle = _mm512_madd52hi_epu64(_mm512_setzero_si512(), a.low, a.low);
    Vector high = _mm512_madd52hi_epu64(_mm512_setzero_si512(), a.low, twice);
    middle = _mm512_madd52lo_epu64(middle, a.low, twice);
    high = _mm512_madd52lo_epu64(high, a.high, a.high);
    return {_mm512_madd52lo_epu64(low, a.low, a.low), middle, high};
}

// (x & mask) | bits
inline Vector masked_or(Vector x, std::uint64_t mask, std::uint64_t bits) {
    return _mm512_ternarylogic_epi64(x, vector_broadcast(mask), vector_broadcast(bits), 0xea);
}

// The low parts of the products that reduce_limbs takes begin with p - 2^64.
inline Vector limbs_start() { return vector_broadcast(kPrime); }

// With middle = m + 2^12 over: the product is low + 2^52 m + over (2^32 - 1) - 2^8 high, as 2^64 = 2^32 - 1 and
// 2^104 = -2^8. p is added, 2^64 of it in the upper limb, so that the sum is positive.
inline Limbs reduce_limbs(const Product& x) {
    const Vector one = vector_broadcast(std::uint64_t{1} << 32);
    const Vector over = _mm512_srli_epi64(x.middle, 12);
    const Vector less = _mm512_madd52lo_epu64(over, x.high, vector_broadcast(256));
    const Vector low = _mm512_sub_epi64(_mm512_madd52lo_epu64(x.low, over, one), less);
    const Vector high = _mm512_madd52hi_epu64(masked_or(x.middle, 0xfff, 0x1000), over, one);
    return {low, _mm512_add_epi64(high, _mm512_srai_epi64(low, 52))};
}

// The product of limbs, kHalvesExcess too much.
inline Halves multiply_to_halves(const Limbs& a, const Limbs& b) {
    Product x = multiply(a, b, _mm512_setzero_si512());
    // The lower twelve bits of the middle part do not overlap the low part.
    const Vector lowest = _mm512_or_si512(x.low, _mm512_slli_epi64(x.middle, 52));
    const Vector over = _mm512_srli_epi64(x.middle, 12);
    const Vector less = _mm512_madd52lo_epu64(over, x.high, vector_broadcast(256));
    return {_mm512_sub_epi64(masked_or(lowest, kEpsilon, kHalvesExcess), less),
            _mm512_add_epi64(_mm512_srli_epi64(lowest, 32), over)};
}

// x -> x^7 for `count` vectors. One power is a chain of three products, longer than the window in which a core looks for
// independent work; so the products of all vectors are taken stage by stage.
template <unsigned count>
inline void seventh_powers(const Vector* x, Halves (&powers)[count]) {
    Limbs first[count];
    Limbs squares[count];
    Limbs cubes[count];
    for (unsigned i = 0; i < count; ++i) {
        first[i] = {x[i], _mm512_srli_epi64(x[i], 52)};
        squares[i] = reduce_limbs(square(first[i], limbs_start()));
    }
    for (unsigned i = 0; i < count; ++i) {
        cubes[i] = reduce_limbs(multiply(squares[i], first[i], limbs_start()));
        squares[i] = reduce_limbs(square(squares[i], limbs_start()));
    }
    for (unsigned i = 0; i < count; ++i) powers[i] = multiply_to_halves(squares[i], cubes[i]);
}

#else

template <unsigned count>
inline void seventh_powers(const Vector* x, Halves (&powers)[count]) {
    Vector squares[count];
    Vector cubes[count];
    for (unsigned i = 0; i < count; ++i) squares[i] = square_loose(x[i]);
    for (unsigned i = 0; i < count; ++i) {
        cubes[i] = mul_loose(squares[i], x[i]);
        squares[i] = square_loose(squares[i]);
    }
    for (unsigned i = 0; i < count; ++i) powers[i] = multiply_to_halves(squares[i], cubes[i]);
}

#endif

// The external matrix on numbers small enough not to overflow.
template <unsigned width>
inline void external_matrix(Vector (&x)[width]) {
    for (unsigned i = 0; i < width; i += 4) {
        const Vector t01 = add_wrapping(x[i], x[i + 1]);
        const Vector t23 = add_wrapping(x[i + 2], x[i + 3]);
        const Vector all = add_wrapping(t01, t23);
        const Vector t013 = add_wrapping(all, x[i + 1]);
        const Vector t023 = add_wrapping(all, x[i + 3]);
        const Vector y1 = add_wrapping(t013, add_wrapping(x[i + 2], x[i + 2]));
        const Vector y3 = add_wrapping(t023, add_wrapping(x[i], x[i]));
        x[i] = add_wrapping(t013, t01);
        x[i + 1] = y1;
        x[i + 2] = add_wrapping(t023, t23);
        x[i + 3] = y3;
    }
    for (unsigned i = 0; i < 4; ++i) {
        Vector sum = x[i];
        for (unsigned j = i + 4; j < width; j += 4) sum = add_wrapping(sum, x[j]);
        for (unsigned j = i; j < width; j += 4) x[j] = add_wrapping(x[j], sum);
    }
}

// What an external layer adds to the low and the high halves.
template <unsigned width>
struct LayerConstants {
    std::uint64_t low[width];
    std::uint64_t high[width];
};

// The constants of the round that follows, less what the layer makes of the excess of seventh powers: its rows sum up to
// 7 (width / 4 + 1).
template <unsigned width>
constexpr LayerConstants<width> layer_constants(const std::uint64_t* round, std::uint64_t excess) {
    LayerConstants<width> constants{};
    for (unsigned i = 0; i < width; ++i) {
        const Fp value = (round == nullptr ? Fp(0) : Fp(round[i])) - Fp(7 * (width / 4 + 1)) * Fp(excess);
        constants.low[i] = (value.value & kEpsilon) + kJoinOffset;
        constants.high[i] = value.value >> 32;
    }
    return constants;
}

template <unsigned width>
struct ExternalConstants {
    LayerConstants<width> rounds[4];
};

// What follows the seventh powers of four rounds: the constants of the next round, none after the last.
template <unsigned width>
constexpr ExternalConstants<width> external_constants(const std::uint64_t (&rounds)[4][width]) {
    ExternalConstants<width> constants{};
    for (unsigned round = 0; round < 4; ++round)
        constants.rounds[round] = layer_constants<width>(round < 3 ? rounds[round + 1] : nullptr, kHalvesExcess);
    return constants;
}

// The external layer of the halves, then the constants; loose result. Halves below 2^53 and 2^43 grow by 35 at most.
template <unsigned width>
inline void external_layer(Vector (&low)[width], Vector (&high)[width], const LayerConstants<width>& constants,
                           Vector (&state)[width]) {
    external_matrix<width>(low);
    external_matrix<width>(high);
    for (unsigned i = 0; i < width; ++i)
        state[i] = join_halves(add_wrapping(low[i], vector_broadcast(constants.low[i])),
                               add_wrapping(high[i], vector_broadcast(constants.high[i])));
}

template <unsigned width>
inline void external_layer_of_loose(Vector (&state)[width], const LayerConstants<width>& constants) {
    Vector low[width];
    Vector high[width];
    for (unsigned i = 0; i < width; ++i) {
        low[i] = low_half(state[i]);
        high[i] = shift_right<32>(state[i]);
    }
    external_layer<width>(low, high, constants, state);
}

template <unsigned width>
inline void external_round(Vector (&state)[width], const LayerConstants<width>& constants) {
    constexpr unsigned group = 4;
    Vector low[width];
    Vector high[width];
    for (unsigned first = 0; first < width; first += group) {
        Halves powers[group];
        seventh_powers<group>(state + first, powers);
        for (unsigned i = 0; i < group; ++i) {
            low[first + i] = powers[i].low;
            high[first + i] = powers[i].high;
        }
    }
    external_layer<width>(low, high, constants, state);
}

// What one diagonal entry does to its element: x -> sum + d x with d = sign * factor / 2^shift.
struct DiagonalEntry {
    int sign;
    unsigned factor;
    unsigned shift;

    constexpr Fp value() const {
        const Fp magnitude = Fp(factor) * half_power(shift);
        return sign < 0 ? -magnitude : magnitude;
    }
};

inline constexpr DiagonalEntry kDiagonal8[8] = {{-1, 2, 0}, {1, 1, 0},  {1, 2, 0},  {1, 1, 1},
                                                {1, 3, 0},  {-1, 1, 1}, {-1, 3, 0}, {-1, 4, 0}};
inline constexpr DiagonalEntry kDiagonal12[12] = {{-1, 2, 0}, {1, 1, 0},  {1, 2, 0},  {1, 1, 1},  {1, 3, 0},  {1, 4, 0},
                                                  {-1, 1, 1}, {-1, 3, 0}, {-1, 4, 0}, {1, 1, 2},  {-1, 1, 2}, {1, 1, 3}};
inline constexpr DiagonalEntry kDiagonal16[16] = {
    {-1, 2, 0}, {1, 1, 0},  {1, 2, 0},  {1, 1, 1},  {1, 3, 0},  {1, 4, 0},  {-1, 1, 1}, {-1, 3, 0},
    {-1, 4, 0}, {1, 1, 3},  {1, 1, 4},  {1, 1, 5},  {-1, 1, 3}, {-1, 1, 4}, {-1, 1, 5}, {1, 1, 32}};

template <unsigned width>
constexpr DiagonalEntry diagonal_entry(unsigned i) {
    if constexpr (width == 8) {
        return kDiagonal8[i];
    } else if constexpr (width == 12) {
        return kDiagonal12[i];
    } else {
        return kDiagonal16[i];
    }
}

template <unsigned width>
constexpr bool diagonal_matches() {
    const auto expected = internal_diagonal<width>();
    for (unsigned i = 0; i < width; ++i)
        if (diagonal_entry<width>(i).value() != expected[i]) return false;
    return true;
}
static_assert(diagonal_matches<8>() && diagonal_matches<12>() && diagonal_matches<16>());

// 2^13 p less the excess of a seventh power as low + 2^32 high: differences with multiples of halves stay positive.
inline constexpr std::uint64_t kBiasLow = (std::uint64_t{1} << 55) + (std::uint64_t{1} << 13) + kJoinOffset;
inline constexpr std::uint64_t kBiasHigh =
    (std::uint64_t{1} << 13) * kEpsilon - (std::uint64_t{1} << 23) - (kHalvesExcess >> 32);

// The sum of all elements in the forms that the entries need.
struct InternalSum {
    Halves halves;
    Vector whole;  // canonical
};

template <unsigned width, unsigned i>
inline Vector internal_element(Vector x, Vector high, const InternalSum& sum) {
    constexpr DiagonalEntry entry = diagonal_entry<width>(i);
    if constexpr (entry.shift > 0) {
        // x / 2^k = (x >> k) + (q >> 32) - q with q = x << (64 - k), as 2^-k = -(p - 1) / 2^k.
        static_assert(entry.factor == 1 && entry.shift <= 32);
        const Vector q = shift_left<64 - entry.shift>(x);
        const Vector part = add_wrapping(shift_right<entry.shift>(x), shift_right<32>(q));
        if constexpr (entry.sign > 0) return add_sub_loose(part, sum.whole, q);
        return add_sub_loose(q, sum.whole, part);
    } else if constexpr (entry.sign > 0 && entry.factor == 1) {
        return add_loose(x, sum.whole);
    } else {
        const Vector factor = vector_broadcast(entry.factor);
        if constexpr (entry.sign > 0)
            return join_halves(add_wrapping(sum.halves.low, mul_low_halves(x, factor)),
                               mul_add_small(sum.halves.high, high, factor));
        return join_halves(sub_wrapping(sum.halves.low, mul_low_halves(x, factor)),
                           sub_wrapping(sum.halves.high, mul_low_halves(high, factor)));
    }
}

// The internal layer of a state whose first element is given by its halves; the new first element is
// 2 kHalvesExcess too small.
template <unsigned width>
inline void internal_layer(const Halves& first, Vector (&state)[width]) {
    static_assert(diagonal_entry<width>(0).sign < 0 && diagonal_entry<width>(0).factor == 2);
    Vector high[width];
    Vector total = state[width - 1];
    Vector total_high = high[width - 1] = shift_right<32>(total);
    for (unsigned i = width - 1; i-- > 1;) {
        high[i] = shift_right<32>(state[i]);
        total = add_wrapping(total, state[i]);
        total_high = add_wrapping(total_high, high[i]);
    }
    InternalSum sum;
    sum.halves.low = add_wrapping(add_wrapping(first.low, vector_broadcast(kBiasLow)),
                                  sub_wrapping(total, shift_left<32>(total_high)));
    sum.halves.high = add_wrapping(add_wrapping(first.high, vector_broadcast(kBiasHigh)), total_high);
    sum.whole = canonical(join_halves(sum.halves.low, sum.halves.high));
    state[0] = join_halves(sub_wrapping(sum.halves.low, add_wrapping(first.low, first.low)),
                           sub_wrapping(sum.halves.high, add_wrapping(first.high, first.high)));
    [&]<std::size_t... i>(std::index_sequence<i...>) {
        ((state[i + 1] = internal_element<width, i + 1>(state[i + 1], high[i + 1], sum)), ...);
    }(std::make_index_sequence<width - 1>{});
}

// The constants of the internal rounds with what the first element lacks after the round before.
template <unsigned width>
constexpr std::array<std::uint64_t, 22> internal_constants() {
    std::array<std::uint64_t, 22> constants{};
    for (unsigned round = 0; round < 22; ++round)
        constants[round] = (Fp(Poseidon2Constants<width>::kInternal[round]) + Fp(round == 0 ? 0 : 2 * kHalvesExcess)).value;
    return constants;
}

// Permutes `batches` vectors of states; loose in, loose out.
template <unsigned width, unsigned batches>
inline void poseidon2_permute(Vector (&states)[batches][width]) {
    using Constants = Poseidon2Constants<width>;
    static constexpr auto first_layer = layer_constants<width>(Constants::kInitial[0], 0);
    static constexpr auto initial = external_constants<width>(Constants::kInitial);
    static constexpr auto internal = internal_constants<width>();
    static constexpr auto final = external_constants<width>(Constants::kFinal);
    for (auto& state : states) external_layer_of_loose<width>(state, first_layer);
    for (const auto& constants : initial.rounds)
        for (auto& state : states) external_round<width>(state, constants);
    for (const std::uint64_t constant : internal) {
        Vector first[batches];
        Halves powers[batches];
        for (unsigned b = 0; b < batches; ++b) first[b] = add_loose(states[b][0], vector_broadcast(constant));
        seventh_powers<batches>(first, powers);
        for (unsigned b = 0; b < batches; ++b) internal_layer<width>(powers[b], states[b]);
    }
    for (auto& state : states) {
        state[0] = add_loose(state[0], vector_broadcast((Fp(Constants::kFinal[0][0]) + Fp(2 * kHalvesExcess)).value));
        for (unsigned i = 1; i < width; ++i) state[i] = add_loose(state[i], vector_broadcast(Constants::kFinal[0][i]));
    }
    for (const auto& constants : final.rounds)
        for (auto& state : states) external_round<width>(state, constants);
}

}  // namespace hm
