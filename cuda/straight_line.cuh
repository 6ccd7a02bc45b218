// The frame of straight-line kernels, which `cuda/straight_line.py` writes: a program's uniform values are copied to shared
// memory, then each thread runs the program on its row.
//
// Computes, layout: as quotient_interpreted and fractions_interpreted in constraints.cu, whose parameters these kernels
//           take; a quotient of several slices is added up in `out`.
// Launch:   one thread per row, block of 128, 8 bytes of shared memory per uniform word.
// Moves:    8 bytes per column and use, most of them from the first-level cache, and 24 per row.
// Limit:    instruction issue.
#pragma once

#include "constraints.cuh"
#include "products.cuh"

namespace gpu {

template <class Program>
__device__ __forceinline__ Uniforms shared_uniforms(const u64* base_pool, const u64* extension_pool, const u64* powers) {
    u64* const words = shared_words();
    u64* const extension = words + Program::kBase;
    u64* const after = extension + 3 * Program::kExtension;
    for (u32 i = threadIdx.x; i < Program::kBase; i += blockDim.x) words[i] = base_pool[i];
    for (u32 i = threadIdx.x; i < 3 * Program::kExtension; i += blockDim.x) extension[i] = extension_pool[i];
    for (u32 i = threadIdx.x; i < 3 * Program::kPowers; i += blockDim.x) after[i] = powers[i];
    __syncthreads();
    return {words, extension, after};
}

template <class Program>
__device__ __forceinline__ void quotient_straight(const u64* main, const u64* preprocessed, const u64* bus,
                                                  const u64* periodic, const u64* periodic_shape, const u64* selector,
                                                  const u64* roots, const u64* base_pool, const u64* extension_pool,
                                                  const u64* powers, const u64* domain, u64 log_height, u64 log_blowup,
                                                  u64* out, u64 adding) {
    const Uniforms uniforms = shared_uniforms<Program>(base_pool, extension_pool, powers);
    const u64 at = global_thread();
    if (at >> (log_height + log_blowup) != 0) return;
    const CosetRow row(main, preprocessed, bus, {periodic, periodic_shape}, selector, roots, domain, at, log_height,
                       log_blowup);
    row.put(Program::run(row, uniforms), out, adding != 0);
}

template <class Program>
__device__ __forceinline__ void fractions_straight(const u64* main, const u64* preprocessed, const u64* periodic,
                                                   const u64* periodic_shape, const u64* base_pool,
                                                   const u64* extension_pool, u64 height, u64* out) {
    const Uniforms uniforms = shared_uniforms<Program>(base_pool, extension_pool, base_pool);
    const u64 at = global_thread();
    if (at < height) Program::run({main, preprocessed, {periodic, periodic_shape}, height, at, out}, uniforms);
}

}  // namespace gpu
