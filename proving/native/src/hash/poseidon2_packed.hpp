// Poseidon2 over Goldilocks on vectors: every lane is a state of its own.
//
// Linear layers work on the 32-bit halves of the elements, whose sums cannot overflow, and reduce once at the end. In the
// internal rounds the multiplications by small numbers and powers of 1/2 are shifts. Several batches are permuted
// together, round by round: the chain through the S-box of one hides behind the work of the others.
#pragma once

#include <utility>

#include "field/packed.hpp"
#include "hash/poseidon2.hpp"

namespace hm {

inline Vector seventh_power(Vector x) {
    const Vector square = square_loose(x);
    return mul_loose(square_loose(square), mul_loose(square, x));
}

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

// The external layer of loose elements, then the constants of the next round; loose result.
template <unsigned width>
inline void external_layer(Vector (&state)[width], const std::uint64_t* constants) {
    Vector low[width];
    Vector high[width];
    for (unsigned i = 0; i < width; ++i) {
        low[i] = low_half(state[i]);
        high[i] = shift_right<32>(state[i]);
    }
    external_matrix<width>(low);
    external_matrix<width>(high);
    if (constants != nullptr) {
        for (unsigned i = 0; i < width; ++i) {
            low[i] = add_wrapping(low[i], vector_broadcast(constants[i] & kEpsilon));
            high[i] = add_wrapping(high[i], vector_broadcast(constants[i] >> 32));
        }
    }
    for (unsigned i = 0; i < width; ++i) state[i] = join_halves(low[i], high[i]);
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

// 8 p as low + 2^32 high with both parts larger than 4 (2^32 - 1), so that differences of halves stay positive.
inline constexpr std::uint64_t kBiasLow = (std::uint64_t{4} << 32) + 8;
inline constexpr std::uint64_t kBiasHigh = 8 * kEpsilon - 4;

// The sum of all elements in the forms that the entries need.
struct InternalSum {
    Vector low;
    Vector high;
    Vector biased_low;
    Vector biased_high;
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
        if constexpr (entry.sign > 0) return sub_loose(add_loose(part, sum.whole), q);
        return sub_loose(add_loose(q, sum.whole), part);
    } else if constexpr (entry.sign > 0 && entry.factor == 1) {
        return add_loose(x, sum.whole);
    } else {
        const Vector factor = vector_broadcast(entry.factor);
        if constexpr (entry.sign > 0)
            return join_halves(add_wrapping(sum.low, mul_low_halves(x, factor)),
                               mul_add_small(sum.high, high, factor));
        return join_halves(sub_wrapping(sum.biased_low, mul_low_halves(x, factor)),
                           sub_wrapping(sum.biased_high, mul_low_halves(high, factor)));
    }
}

template <unsigned width>
inline void internal_round(Vector (&state)[width], std::uint64_t constant) {
    state[0] = seventh_power(add_loose(state[0], vector_broadcast(constant)));
    Vector high[width];
    InternalSum sum;
    Vector total = state[width - 1];
    high[width - 1] = shift_right<32>(total);
    sum.high = high[width - 1];
    for (unsigned i = width - 1; i-- > 0;) {
        high[i] = shift_right<32>(state[i]);
        total = add_wrapping(total, state[i]);
        sum.high = add_wrapping(sum.high, high[i]);
    }
    sum.low = sub_wrapping(total, shift_left<32>(sum.high));
    sum.biased_low = add_wrapping(sum.low, vector_broadcast(kBiasLow));
    sum.biased_high = add_wrapping(sum.high, vector_broadcast(kBiasHigh));
    sum.whole = canonical(join_halves(sum.low, sum.high));
    [&]<std::size_t... i>(std::index_sequence<i...>) {
        ((state[i] = internal_element<width, i>(state[i], high[i], sum)), ...);
    }(std::make_index_sequence<width>{});
}

// Permutes `batches` vectors of states; loose in, loose out.
template <unsigned width, unsigned batches>
inline void poseidon2_permute(Vector (&states)[batches][width]) {
    using Constants = Poseidon2Constants<width>;
    for (auto& state : states) external_layer<width>(state, Constants::kInitial[0]);
    for (unsigned round = 0; round < 4; ++round) {
        for (auto& state : states) {
            for (Vector& x : state) x = seventh_power(x);
            external_layer<width>(state, round < 3 ? Constants::kInitial[round + 1] : nullptr);
        }
    }
    for (const std::uint64_t constant : Constants::kInternal)
        for (auto& state : states) internal_round<width>(state, constant);
    for (auto& state : states)
        for (unsigned i = 0; i < width; ++i) state[i] = add_loose(state[i], vector_broadcast(Constants::kFinal[0][i]));
    for (unsigned round = 0; round < 4; ++round) {
        for (auto& state : states) {
            for (Vector& x : state) x = seventh_power(x);
            external_layer<width>(state, round < 3 ? Constants::kFinal[round + 1] : nullptr);
        }
    }
}

}  // namespace hm
