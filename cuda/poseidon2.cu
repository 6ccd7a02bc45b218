// Poseidon2 on batches of states.
#include "launch.cuh"
#include "poseidon2.cuh"

namespace {

using namespace gpu;

__constant__ RoundConstants<8> constants8 = make_round_constants<8>();
__constant__ RoundConstants<12> constants12 = make_round_constants<12>();
__constant__ RoundConstants<16> constants16 = make_round_constants<16>();

template <u32 width>
__device__ __forceinline__ void permute_one(const u64* in, u64* out, u64 count, const RoundConstants<width>& constants) {
    const u64 at = global_thread();
    if (at >= count) return;
    u64 state[width];
#pragma unroll
    for (u32 i = 0; i < width; ++i) state[i] = in[at * width + i];
    permute_loose<width>(state, constants);
#pragma unroll
    for (u32 i = 0; i < width; ++i) out[at * width + i] = canonical(state[i]);
}

}  // namespace

// poseidon2_w8, poseidon2_w12, poseidon2_w16
// Computes: count permutations.
// Layout:   in, out (count, width), state by state; they may be the same.
// Launch:   one thread per state, any block of up to 256 threads.
// Moves:    16 width bytes per state.
// Does:     344, 472, 600 products and the linear layers: 11.9, 16.8, 21.5 thousand instructions (counted, sm_90).
// Limit:    instruction issue; memory is 30 times away.
extern "C" __global__ void __launch_bounds__(256) poseidon2_w8(const u64* in, u64* out, u64 count) {
    permute_one<8>(in, out, count, constants8);
}

extern "C" __global__ void __launch_bounds__(256) poseidon2_w12(const u64* in, u64* out, u64 count) {
    permute_one<12>(in, out, count, constants12);
}

extern "C" __global__ void __launch_bounds__(256) poseidon2_w16(const u64* in, u64* out, u64 count) {
    permute_one<16>(in, out, count, constants16);
}
