// Poseidon2 over Goldilocks on vectors: every lane is a state of its own.
//
// Linear layers work on the 32-bit halves of the elements, whose sums cannot overflow, and reduce once at the end. In the
// internal rounds the multiplications by small numbers and powers of 1/2 are shifts. Several batches are permuted
// together, round by round: the chain through the S-box of one hides behind the work of the others.
#pragma once

#include <algorithm>
#include <utility>

#include "field/packed.hpp"
#include "hash/poseidon2.hpp"

namespace hm {

// x -> x^7 for `count` vectors. One power is a chain of three products, longer than the window in which a core looks for
// independent work; so the products of all vectors are taken stage by stage.
template <unsigned count>
inline void seventh_powers(Vector (&x)[count]) {
    Vector squares[count];
    Vector cubes[count];
    for (unsigned i = 0; i < count; ++i) squares[i] = square_loose(x[i]);
    for (unsigned i = 0; i < count; ++i) {
        cubes[i] = mul_loose(squares[i], x[i]);
        squares[i] = square_loose(squares[i]);
    }
    for (unsigned i = 0; i < count; ++i) x[i] = mul_loose(squares[i], cubes[i]);
}

template <unsigned width>
inline void seventh_powers_of_state(Vector (&state)[width]) {
    constexpr unsigned group = 4;
    for (unsigned first = 0; first < width; first += group) {
        Vector part[group];
        for (unsigned i = 0; i < group; ++i) part[i] = state[first + i];
        seventh_powers<group>(part);
        for (unsigned i = 0; i < group; ++i) state[first + i] = part[i];
    }
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

// join_halves takes a round constant as part of the low half when the constant keeps some distance to 2^64.
template <unsigned width>
constexpr bool constants_leave_room() {
    using Constants = Poseidon2Constants<width>;
    for (unsigned round = 0; round < 4; ++round)
        for (unsigned i = 0; i < width; ++i)
            if (std::max(Constants::kInitial[round][i], Constants::kFinal[round][i]) >> 43 == (1U << 21) - 1) return false;
    return true;
}
static_assert(constants_leave_room<8>() && constants_leave_room<12>() && constants_leave_room<16>());

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
    if (constants != nullptr)
        for (unsigned i = 0; i < width; ++i) low[i] = add_wrapping(low[i], vector_broadcast(constants[i]));
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
inline void internal_layer(Vector (&state)[width]) {
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
    const auto external_rounds = [&](const std::uint64_t (&constants)[4][width]) {
        for (unsigned round = 0; round < 4; ++round) {
            for (auto& state : states) {
                seventh_powers_of_state<width>(state);
                external_layer<width>(state, round < 3 ? constants[round + 1] : nullptr);
            }
        }
    };
    for (auto& state : states) external_layer<width>(state, Constants::kInitial[0]);
    external_rounds(Constants::kInitial);
    for (const std::uint64_t constant : Constants::kInternal) {
        Vector first[batches];
        for (unsigned b = 0; b < batches; ++b) first[b] = add_loose(states[b][0], vector_broadcast(constant));
        seventh_powers<batches>(first);
        for (unsigned b = 0; b < batches; ++b) {
            states[b][0] = first[b];
            internal_layer<width>(states[b]);
        }
    }
    for (auto& state : states)
        for (unsigned i = 0; i < width; ++i) state[i] = add_loose(state[i], vector_broadcast(Constants::kFinal[0][i]));
    external_rounds(Constants::kFinal);
}

}  // namespace hm
