// What every kernel uses of its launch: its thread's number and the block's dynamic shared memory.
//
// Every parameter of a kernel is one 64-bit word (a pointer or a number), so that one rule packs the arguments for the
// driver and for the emulation.
#pragma once

#include "goldilocks.cuh"

namespace gpu {

// The warp's width on every device.
inline constexpr u32 kWarp = 32;

__device__ __forceinline__ u64 global_thread() {
    return static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// The block's dynamic shared memory, the only kind that kernels use: its size stands at each launch, where the
// emulation allocates exactly as much.
__device__ __forceinline__ u64* shared_words() {
#ifdef __CUDA_ARCH__
    extern __shared__ u64 words[];
    return words;
#else
    return static_cast<u64*>(emulation::shared_memory());
#endif
}

}  // namespace gpu
