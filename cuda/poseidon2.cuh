// Poseidon2 over Goldilocks (Plonky3's instances, widths 8, 12 and 16), one state per thread, in registers.
//
// The state is loose between the rounds. Sums of the linear layers are taken in 96 bits and reduced once; the internal
// diagonal consists of powers of two and of 3, so it costs shifts; the only products are those of the S-boxes, 600 for
// width 16 and 472 for width 12.
#pragma once

#include "goldilocks.cuh"
#include "hash/poseidon2_constants.hpp"

namespace gpu {

// Round constants as one object, so that they lie in constant memory: all threads of a warp read the same one.
// Row 4 of the external constants is zero.
template <u32 width>
struct RoundConstants {
    u64 initial[5][width];
    u64 internal[hm::kPoseidon2InternalRounds];
    u64 final[5][width];
};

template <u32 width>
constexpr RoundConstants<width> make_round_constants() {
    using Source = hm::Poseidon2Constants<width>;
    RoundConstants<width> made{};
    for (u32 round = 0; round < 4; ++round) {
        for (u32 i = 0; i < width; ++i) {
            made.initial[round][i] = Source::kInitial[round][i];
            made.final[round][i] = Source::kFinal[round][i];
        }
    }
    for (u32 round = 0; round < hm::kPoseidon2InternalRounds; ++round) made.internal[round] = Source::kInternal[round];
    return made;
}

// An entry of the internal matrix's diagonal less one: 2^shift, or 3, or its negative.
struct DiagonalEntry {
    u32 shift;
    bool three;
    bool negative;
};

constexpr DiagonalEntry power_of_two(int exponent) {
    const u32 reduced = static_cast<u32>((exponent + 192) % 192);
    return reduced < 96 ? DiagonalEntry{reduced, false, false} : DiagonalEntry{reduced - 96, false, true};
}

constexpr DiagonalEntry negated(DiagonalEntry x) { return {x.shift, x.three, !x.negative}; }

// Source: Plonky3/Plonky3, goldilocks/src/poseidon2.rs.
template <u32 width>
constexpr DiagonalEntry diagonal_entry(u32 i) {
    constexpr DiagonalEntry three = {0, true, false};
    constexpr DiagonalEntry common[9] = {
        negated(power_of_two(1)), power_of_two(0), power_of_two(1), power_of_two(-1), three,
        power_of_two(2), negated(power_of_two(-1)), negated(three), negated(power_of_two(2)),
    };
    if constexpr (width == 8) {
        return i < 5 ? common[i] : common[i + 1];
    } else if constexpr (width == 12) {
        constexpr DiagonalEntry rest[3] = {power_of_two(-2), negated(power_of_two(-2)), power_of_two(-3)};
        return i < 9 ? common[i] : rest[i - 9];
    } else {
        static_assert(width == 16);
        constexpr DiagonalEntry rest[7] = {
            power_of_two(-3), power_of_two(-4), power_of_two(-5), negated(power_of_two(-3)),
            negated(power_of_two(-4)), negated(power_of_two(-5)), power_of_two(-32),
        };
        return i < 9 ? common[i] : rest[i - 9];
    }
}

__device__ __forceinline__ u64 seventh_power_loose(u64 x) {
    const u64 square = multiply_loose(x, x);
    return multiply_loose(multiply_loose(square, square), multiply_loose(square, x));
}

// The external matrix, then the constants of the next round: three more instructions where they were seven alone.
template <u32 width>
__device__ __forceinline__ void external_layer(u64 (&state)[width], const u64 (&constants)[width]) {
    Wide mixed[width];
    Wide sums[4];
#pragma unroll
    for (u32 i = 0; i < width; i += 4) {
        const Wide x0(state[i]);
        const Wide x1(state[i + 1]);
        const Wide x2(state[i + 2]);
        const Wide x3(state[i + 3]);
        const Wide t01 = x0 + x1;
        const Wide t23 = x2 + x3;
        const Wide t013 = t01 + t23 + x1;
        const Wide t023 = t01 + t23 + x3;
        mixed[i] = t013 + t01;
        mixed[i + 1] = t013 + x2 + x2;
        mixed[i + 2] = t023 + t23;
        mixed[i + 3] = t023 + x0 + x0;
#pragma unroll
        for (u32 k = 0; k < 4; ++k) sums[k] = sums[k] + mixed[i + k];
    }
#pragma unroll
    for (u32 i = 0; i < width; ++i) state[i] = (mixed[i] + sums[i % 4] + Wide(constants[i])).loose();
}

// sum + product, the product's sign and size known. `sum` is canonical and `lifted` is sum + 5 p, from which up to three
// numbers can be taken away before it is reduced.
template <DiagonalEntry entry>
__device__ __forceinline__ u64 multiply_add(u64 x, u64 sum, Wide lifted) {
    if constexpr (entry.three) {
        return entry.negative ? (lifted - x - x - x).loose() : (Wide(x) + Wide(x) + Wide(x) + Wide(sum)).loose();
    } else if constexpr (entry.shift == 0 && !entry.negative) {
        return add_loose(x, sum);
    } else if constexpr (entry.shift <= 32) {
        const u64 low = x << entry.shift;
        const u32 high = entry.shift == 0 ? 0 : static_cast<u32>(x >> (64 - entry.shift) % 64);
        return entry.negative ? (lifted - low - high * kEpsilon).loose() : (Wide(low, high) + Wide(sum)).loose();
    } else {
        // 2^shift x = moved - wrapped; both are below p.
        static_assert(entry.shift >= 64);
        const u64 moved = (x << (entry.shift - 64) & kEpsilon) * kEpsilon;
        const u64 wrapped = x >> (96 - entry.shift);
        return entry.negative ? subtract_loose(add_loose(wrapped, sum), moved)
                              : subtract_loose(add_loose(moved, sum), wrapped);
    }
}

// state[i] = diagonal[i] state[i] + sum for i from `i` on; sum is canonical.
template <u32 width, u32 i = 0>
__device__ __forceinline__ void internal_diagonal(u64 (&state)[width], u64 sum, Wide lifted) {
    state[i] = multiply_add<diagonal_entry<width>(i)>(state[i], sum, lifted);
    if constexpr (i + 1 < width) internal_diagonal<width, i + 1>(state, sum, lifted);
}

// Four rounds whose constants were added before; the last layer adds row 4 of the constants, which is zero.
template <u32 width>
__device__ __forceinline__ void external_rounds(u64 (&state)[width], const u64 (&constants)[5][width]) {
#pragma unroll 1
    for (u32 round = 1; round <= 4; ++round) {
#pragma unroll
        for (u32 i = 0; i < width; ++i) state[i] = seventh_power_loose(state[i]);
        external_layer<width>(state, constants[round]);
    }
}

// Permutes a state of any representatives into one of any representatives.
template <u32 width>
__device__ __forceinline__ void permute_loose(u64 (&state)[width], const RoundConstants<width>& constants) {
    external_layer<width>(state, constants.initial[0]);
    external_rounds<width>(state, constants.initial);
#pragma unroll 1
    for (u32 round = 0; round < hm::kPoseidon2InternalRounds; ++round) {
        state[0] = seventh_power_loose(add_loose(state[0], constants.internal[round]));
        Wide sum(state[0]);
#pragma unroll
        for (u32 i = 1; i < width; ++i) sum = sum + Wide(state[i]);
        const u64 total = canonical(sum.loose());
        internal_diagonal<width>(state, total, Wide(total) + five_primes());
    }
#pragma unroll
    for (u32 i = 0; i < width; ++i) state[i] = add_loose(state[i], constants.final[0][i]);
    external_rounds<width>(state, constants.final);
}

// C(x) = trunc4(P(x) + x), left canonical in the first four words; those must be canonical before.
__device__ __forceinline__ void compress(u64 (&state)[16], const RoundConstants<16>& constants) {
    const u64 before[4] = {state[0], state[1], state[2], state[3]};
    permute_loose<16>(state, constants);
#pragma unroll
    for (u32 i = 0; i < 4; ++i) state[i] = canonical(add_loose(state[i], before[i]));
}

}  // namespace gpu
