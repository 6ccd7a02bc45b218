// Poseidon2 over BN254's Fr, width 3, on batches of states.
#include "bn254.cuh"

namespace {

using namespace gpu;
using namespace gpu::bn254;

constexpr u32 kWidth = 3;
constexpr u32 kFullRounds = 8;
constexpr u32 kPartialRounds = 56;
constexpr u32 kRounds = kFullRounds + kPartialRounds;

__device__ __forceinline__ Fr power(const Fr& x) {
    const Fr square = x.square();
    return x * square.square();
}

// circ(2, 1, 1).
__device__ __forceinline__ void external_layer(Fr (&x)[kWidth]) {
    const Fr sum = x[0] + x[1] + x[2];
#pragma unroll
    for (u32 i = 0; i < kWidth; ++i) x[i] = x[i] + sum;
}

// All ones, and 1, 1, 2 added on the diagonal.
__device__ __forceinline__ void internal_layer(Fr (&x)[kWidth]) {
    const Fr sum = x[0] + x[1] + x[2];
    x[0] = x[0] + sum;
    x[1] = x[1] + sum;
    x[2] = x[2].doubled() + sum;
}

}  // namespace

// bn254_poseidon2
// Computes: count permutations.
// Layout:   in, out (count, 3, 4), state by state; they may be the same. constants (64, 3, 4): those of every round in
//           Montgomery form; a partial round uses the first of its three.
// Launch:   one thread per state, block of 128.
// Moves:    192 bytes per state.
// Does:     240 products of about 310 instructions and 408 sums: about 88 thousand instructions.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    bn254_poseidon2(const u64* in, u64* out, u64 count, const u64* constants) {
    const u64 at = global_thread();
    if (at >= count) return;
    Fr x[kWidth];
#pragma unroll
    for (u32 i = 0; i < kWidth; ++i) x[i] = Fr::load(in + kWords * (kWidth * at + i));
    external_layer(x);
#pragma unroll 1
    for (u32 round = 0; round < kRounds; ++round) {
        const u64* const added = constants + kWords * kWidth * round;
        x[0] = power(x[0] + Fr::load(added));
        if (round < kFullRounds / 2 || round >= kFullRounds / 2 + kPartialRounds) {
            x[1] = power(x[1] + Fr::load(added + kWords));
            x[2] = power(x[2] + Fr::load(added + 2 * kWords));
            external_layer(x);
        } else {
            internal_layer(x);
        }
    }
#pragma unroll
    for (u32 i = 0; i < kWidth; ++i) x[i].store(out + kWords * (kWidth * at + i));
}
