// Number-theoretic transforms over BN254's Fr.
//
// The network is that of ntt.cu: natural order in, bit-reversed order out, block j of every layer uses entry j of the table
// of bit-reversed roots, inverse ones for the way back. A product costs ten times a butterfly's sums, so steps are radix-4
// in registers: more would only save shared memory's traffic, for registers that a block's other threads need.
#include "bn254.cuh"

namespace {

using namespace gpu;
using namespace gpu::bn254;

constexpr u32 kLogLow = 12;

// Neighbouring threads read elements up to four apart: a place of padding per 16 spreads them over the banks. The words of
// an element lie a plane apart.
__device__ __forceinline__ u32 slot(u32 index) { return index + (index >> 4); }

struct Tile {
    u64* words;
    u32 plane;

    __device__ __forceinline__ Fr load(u32 index) const {
        Fr x;
#pragma unroll
        for (u32 i = 0; i < kWords; ++i) {
            const u64 word = words[plane * i + slot(index)];
            x.value[2 * i] = low_half(word);
            x.value[2 * i + 1] = high_half(word);
        }
        return x;
    }
    __device__ __forceinline__ void store(u32 index, const Fr& x) const {
#pragma unroll
        for (u32 i = 0; i < kWords; ++i) words[plane * i + slot(index)] = x.word(i);
    }
};

__device__ __forceinline__ void butterfly(Fr& a, Fr& b, const u64* root) {
    const Fr product = b * Fr::load(root);
    b = a - product;
    a = a + product;
}

// One or two layers of a tile of 2^layers elements, `depth` layers of which are done; `part` is its block of the first.
template <u32 log_radix>
__device__ __forceinline__ void step(const Tile& tile, const u64* roots, u64 part, u32 layers, u32 depth) {
    constexpr u32 radix = 1u << log_radix;
    const u32 log_stride = layers - depth - log_radix;
    for (u32 group = threadIdx.x; group >> (layers - log_radix) == 0; group += blockDim.x) {
        const u32 block = group >> log_stride;
        const u32 start = (block << (layers - depth)) + (group & ((1u << log_stride) - 1));
        const u64 j = (part << depth) + block;
        Fr v[radix];
#pragma unroll
        for (u32 k = 0; k < radix; ++k) v[k] = tile.load(start + (k << log_stride));
#pragma unroll
        for (u32 k = 0; k < radix / 2; ++k) butterfly(v[k], v[k + radix / 2], roots + kWords * j);
        if constexpr (log_radix == 2) {
            butterfly(v[0], v[1], roots + kWords * (2 * j));
            butterfly(v[2], v[3], roots + kWords * (2 * j + 1));
        }
#pragma unroll
        for (u32 k = 0; k < radix; ++k) tile.store(start + (k << log_stride), v[k]);
    }
}

// x base^i from two tables: low[i mod 2^12] and high[i >> 12]; x without tables.
__device__ __forceinline__ Fr scaled(const Fr& x, u64 i, const u64* low, const u64* high) {
    if (low == nullptr) return x;
    const u64 remainder = i & ((1u << kLogLow) - 1);
    return x * (Fr::load(low + kWords * remainder) * Fr::load(high + kWords * (i >> kLogLow)));
}

}  // namespace

// bn254_ntt
// Computes: `layers` layers, from `first_layer` on, of a transform of 2^log_size elements.
// Layout:   in, out (2^log_size, 4); in may be out. roots: at least half as many bit-reversed roots, or inverse ones.
// Launch:   2^(log_size - layers) blocks, each for a tile of 2^layers elements, at most 2^10, in 8 * 4 * 17/16 bytes of
//           shared memory each; tile / 4 threads, at least one. 2^20 elements take two passes, 2^28 three.
// Moves:    64 bytes per element and pass, in pieces of 32.
// Does:     half a product and one sum or difference per element and layer: about 190 instructions.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(256)
    bn254_ntt(const u64* in, u64* out, const u64* roots, u64 log_size, u64 first_layer, u64 layers) {
    const u32 depth_end = static_cast<u32>(layers);
    const u64 log_stride = log_size - first_layer - layers;
    const u64 part = blockIdx.x >> log_stride;
    const u64 base = (part << (log_size - first_layer)) + (blockIdx.x & ((1ULL << log_stride) - 1));
    const Tile tile = {shared_words(), slot(1u << depth_end)};
    for (u32 i = threadIdx.x; i >> depth_end == 0; i += blockDim.x)
        tile.store(i, Fr::load(in + kWords * (base + (static_cast<u64>(i) << log_stride))));
    for (u32 depth = 0; depth < depth_end; depth += 2) {
        __syncthreads();
        if (depth + 1 < depth_end) {
            step<2>(tile, roots, part, depth_end, depth);
        } else {
            step<1>(tile, roots, part, depth_end, depth);
        }
    }
    __syncthreads();
    for (u32 i = threadIdx.x; i >> depth_end == 0; i += blockDim.x)
        tile.load(i).store(out + kWords * (base + (static_cast<u64>(i) << log_stride)));
}

// bn254_fill_roots
// Computes: the table of bit-reversed roots: entry j is the product over the bits k of j of steps[k].
// Layout:   out (count, 4); steps: roots of order 2^2, 2^3, ..., or their inverses.
// Launch:   one thread per entry, block of 128. Once per process and size.
// Moves:    32 bytes per entry.
// Does:     log2(count) / 2 products.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128) bn254_fill_roots(u64* out, u64 count, const u64* steps) {
    const u64 at = global_thread();
    if (at >= count) return;
    Fr root = Fr::one();
#pragma unroll 1
    for (u32 k = 0; at >> k != 0; ++k)
        if (at >> k & 1) root = root * Fr::load(steps + kWords * k);
    root.store(out + kWords * at);
}

// bn254_fill_powers
// Computes: factor base^i.
// Layout:   out (count, 4); base, factor: one element each.
// Launch:   one thread per entry, block of 128. Tables are short.
// Moves:    32 bytes per entry.
// Does:     2 log2(count) products.
// Limit:    latency.
extern "C" __global__ void __launch_bounds__(128)
    bn254_fill_powers(u64* out, u64 count, const u64* base, const u64* factor) {
    const u64 at = global_thread();
    if (at < count) (Fr::load(factor) * Fr::load(base).pow(at)).store(out + kWords * at);
}

// bn254_scale_powers
// Computes: out[i] = in[i] factor base^i for i < given, zero for the others.
// Layout:   in (given, 4), out (size, 4); in may be out. low (2^12 or fewer, 4) holds factor base^i, high base^(2^12 i);
//           both null for 1.
// Launch:   one thread per element of out, block of 128.
// Moves:    64 bytes per element.
// Does:     two products.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    bn254_scale_powers(const u64* in, u64* out, u64 given, u64 size, const u64* low, const u64* high) {
    const u64 at = global_thread();
    if (at >= size) return;
    const Fr x = at < given ? scaled(Fr::load(in + kWords * at), at, low, high) : Fr::zero();
    x.store(out + kWords * at);
}

// bn254_reverse_scale
// Computes: out[i] = in[reversed i] factor base^i.
// Layout:   in, out (2^log_size, 4), two arrays; tables as bn254_scale_powers. An element is a whole sector of memory, so
//           reading them out of order costs nothing.
// Launch:   one thread per element, block of 128.
// Moves:    64 bytes per element.
// Does:     two products.
// Limit:    instruction issue; memory without tables.
extern "C" __global__ void __launch_bounds__(128)
    bn254_reverse_scale(const u64* in, u64* out, u64 log_size, const u64* low, const u64* high) {
    const u64 at = global_thread();
    if (at >> log_size != 0) return;
    const u64 from = log_size == 0 ? 0 : __brev(static_cast<u32>(at)) >> (32 - log_size);
    scaled(Fr::load(in + kWords * from), at, low, high).store(out + kWords * at);
}
