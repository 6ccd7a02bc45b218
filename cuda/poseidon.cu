// Poseidon (1) over Goldilocks, width 12, plonky2's instance, on batches of states.
#include "launch.cuh"

namespace {

using namespace gpu;

constexpr u32 kWidth = 12;
constexpr u32 kHalfFull = 4;
constexpr u32 kPartial = 22;

__device__ __forceinline__ u64 seventh_power_loose(u64 x) {
    const u64 square = multiply_loose(x, x);
    return multiply_loose(multiply_loose(square, square), multiply_loose(square, x));
}

// Row i of the MDS matrix has entry k in column (i + k) mod 12, and 8 more on the diagonal of row 0.
// Source: 0xPolygonZero/plonky2, plonky2/src/hash/poseidon_goldilocks.rs.
// On 32-bit halves, whose sums stay below 2^41.
__device__ __forceinline__ void mds(u64 (&state)[kWidth]) {
    constexpr u32 circulant[kWidth] = {17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20};
    constexpr u32 first_diagonal = 8;
    u64 low[kWidth];
    u64 high[kWidth];
#pragma unroll
    for (u32 i = 0; i < kWidth; ++i) {
        low[i] = i == 0 ? (state[0] & kEpsilon) * first_diagonal : 0;
        high[i] = i == 0 ? (state[0] >> 32) * first_diagonal : 0;
#pragma unroll
        for (u32 k = 0; k < kWidth; ++k) {
            low[i] += (state[(i + k) % kWidth] & kEpsilon) * circulant[k];
            high[i] += (state[(i + k) % kWidth] >> 32) * circulant[k];
        }
    }
#pragma unroll
    for (u32 i = 0; i < kWidth; ++i) {
        const Wide sum = Wide(low[i]) + Wide(high[i] << 32, static_cast<u32>(high[i] >> 32));
        state[i] = sum.loose();
    }
}

}  // namespace

// poseidon_w12
// Computes: count permutations.
// Layout:   in, out (count, 12), state by state, they may be the same; constants (30, 12) round constants.
// Launch:   one thread per state, block of 128; all threads read the same constant.
// Moves:    192 bytes per state.
// Does:     472 products and 30 matrix products of 288 multiply-adds: about 31 thousand instructions (counted, sm_90).
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128, 4)
    poseidon_w12(const u64* in, u64* out, u64 count, const u64* constants) {
    const u64 at = global_thread();
    if (at >= count) return;
    u64 state[kWidth];
#pragma unroll
    for (u32 i = 0; i < kWidth; ++i) state[i] = in[at * kWidth + i];
#pragma unroll 1
    for (u32 round = 0; round < 2 * kHalfFull + kPartial; ++round) {
        const bool partial = round >= kHalfFull && round < kHalfFull + kPartial;
#pragma unroll
        for (u32 i = 0; i < kWidth; ++i) {
            state[i] = add_loose(state[i], constants[round * kWidth + i]);
            if (i == 0 || !partial) state[i] = seventh_power_loose(state[i]);
        }
        mds(state);
    }
#pragma unroll
    for (u32 i = 0; i < kWidth; ++i) out[at * kWidth + i] = canonical(state[i]);
}
