// Points and places of bit-reversed cosets.
#pragma once

#include "goldilocks.cuh"

namespace gpu {

// x with its lowest `bits` bits reversed, others being zero.
__device__ __forceinline__ u64 reversed(u64 x, u64 bits) {
    return bits == 0 ? 0 : __brev(static_cast<u32>(x)) >> (32 - bits);
}

// x_i of shift <w> in bit-reversed order; roots: the table of bit-reversed roots.
__device__ __forceinline__ Fp domain_point(const u64* roots, Fp shift, u64 i) {
    const Fp x = Fp(roots[i / 2]) * shift;
    return i & 1 ? -x : x;
}

}  // namespace gpu
