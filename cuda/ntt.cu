// Number-theoretic transforms of columns.
//
// One network serves both directions, as on the CPU: natural order in, bit-reversed order out. It splits
// f mod (X^n - s^2) into f mod (X^(n/2) - s) and f mod (X^(n/2) + s), so all butterflies of a block share one twiddle:
// block j of every layer uses entry j of the table R of bit-reversed roots, for which R[2 j]^2 = R[j]. So for a group of
// 2^r elements of block j, t = R[2^(r-1) j]: element k times t^k makes it a block of index 0, whose twiddles are powers
// of two, because 2 has order 192: w_4 = 2^48, w_8 = 2^120, w_16 = 2^156. A radix-16 step is 15 products, not 32.
#include "domain.cuh"
#include "launch.cuh"

namespace {

using namespace gpu;

constexpr u32 kMaxStep = 4;
// Powers of twiddles are shared by the block while a step has at most this many (log) different twiddles.
constexpr u32 kLogSharedTwiddles = 4;

// The exponent of two of twiddle k of a block of index 0, below 192.
constexpr u32 twiddle_exponent(u32 k, bool inverse) {
    const u32 forward = ((k & 1) * 48 + (k >> 1 & 1) * 120 + (k >> 2 & 1) * 156) % 192;
    return inverse ? (192 - forward) % 192 : forward;
}

// Butterfly number `at` of the layer of a transform of 2^log_radix elements, and all that follow it.
template <u32 log_radix, bool inverse, u32 layer = 0, u32 at = 0>
__device__ __forceinline__ void butterflies(u64 (&v)[1 << log_radix]) {
    constexpr u32 half = (1u << log_radix) >> (layer + 1);
    constexpr u32 first = at / half * 2 * half + at % half;
    constexpr u32 exponent = twiddle_exponent(at / half, inverse);
    const u64 moved = canonical(shift_loose<exponent % 96>(v[first + half]));
    const u64 sum = add_loose(v[first], moved);
    const u64 difference = subtract_loose(v[first], moved);
    v[first] = exponent < 96 ? sum : difference;
    v[first + half] = exponent < 96 ? difference : sum;
    if constexpr (at + 1 < (1u << log_radix) / 2) {
        butterflies<log_radix, inverse, layer, at + 1>(v);
    } else if constexpr (layer + 1 < log_radix) {
        butterflies<log_radix, inverse, layer + 1, 0>(v);
    }
}

// t^k of block j in a step of 2^log_radix elements: the product over the bits of k of t^(2^m) = R[2^(r-1-m) j].
__device__ __forceinline__ u64 twiddle_power(const u64* roots, u64 j, u32 k, u32 log_radix) {
    u64 power = 1;
    for (u32 m = 0; m < log_radix; ++m)
        if (k >> m & 1) power = multiply_loose(power, roots[j << (log_radix - 1 - m)]);
    return power;
}

// Neighbouring threads of a step read words 2^step apart; one word of padding per 16 spreads them over the banks.
__device__ __forceinline__ u64 slot(u64 index) { return index + (index >> 4); }

struct Tile {
    u64* words;
    u64* powers;
    const u64* roots;
    u64 block;
    u32 layers;
    u32 log_strip;
};

// `log_radix` layers of a tile, `depth` layers of which are done.
template <u32 log_radix, bool inverse>
__device__ __forceinline__ void step(const Tile& tile, u32 depth) {
    constexpr u32 radix = 1u << log_radix;
    const bool shared_twiddles = depth <= kLogSharedTwiddles;
    if (shared_twiddles) {
        for (u32 at = threadIdx.x; at < (radix - 1) << depth; at += blockDim.x)
            tile.powers[at] = twiddle_power(tile.roots, (tile.block << depth) + at / (radix - 1), at % (radix - 1) + 1,
                                            log_radix);
    }
    __syncthreads();
    const u32 log_row = tile.layers - depth - log_radix;
    const u64 stride = 1ULL << (log_row + tile.log_strip);
    const u64 groups = 1ULL << (tile.layers + tile.log_strip - log_radix);
    for (u64 group = threadIdx.x; group < groups; group += blockDim.x) {
        const u64 block = group >> (log_row + tile.log_strip);
        const u64 start = (block << (tile.layers + tile.log_strip - depth)) + (group & (stride - 1));
        u64 v[radix];
#pragma unroll
        for (u32 k = 0; k < radix; ++k) v[k] = tile.words[slot(start + k * stride)];
        if (shared_twiddles) {
#pragma unroll
            for (u32 k = 1; k < radix; ++k) v[k] = multiply_loose(v[k], tile.powers[block * (radix - 1) + k - 1]);
        } else {
            const u64 j = (tile.block << depth) + block;
            u64 power[radix];
#pragma unroll
            for (u32 m = 0; m < log_radix; ++m) {
                power[1u << m] = tile.roots[j << (log_radix - 1 - m)];
#pragma unroll
                for (u32 k = 1; k < 1u << m; ++k) power[(1u << m) + k] = multiply_loose(power[1u << m], power[k]);
            }
#pragma unroll
            for (u32 k = 1; k < radix; ++k) v[k] = multiply_loose(v[k], power[k]);
        }
        butterflies<log_radix, inverse>(v);
#pragma unroll
        for (u32 k = 0; k < radix; ++k) tile.words[slot(start + k * stride)] = v[k];
    }
    __syncthreads();
}

template <bool inverse>
__device__ __forceinline__ void pass(const u64* in, u64* out, const u64* roots, u64 log_size, u64 first_layer,
                                     u64 layers, u64 log_strip, u64 log_blocks, u64 log_sharing) {
    const u64 log_stride = log_size - first_layer - layers;
    const u64 log_tiles = log_size - layers - log_strip;
    const u64 number = blockIdx.x & ((1ULL << log_tiles) - 1);
    const u64 unit = blockIdx.x >> log_tiles;
    const u64 log_strips = log_stride - log_strip;
    const u64 part = number >> log_strips;
    const u64 base = (part << (log_size - first_layer)) + ((number & ((1ULL << log_strips) - 1)) << log_strip);
    const u64 size = 1ULL << (layers + log_strip);
    const u64* const source = in + ((unit >> log_sharing) << log_size) + base;
    u64* const target = out + (unit << log_size) + base;
    const u64 strip_mask = (1ULL << log_strip) - 1;
    u64* const words = shared_words();
    const Tile tile = {words,
                       words + slot(size),
                       roots,
                       ((unit & ((1ULL << log_blocks) - 1)) << first_layer) + part,
                       static_cast<u32>(layers),
                       static_cast<u32>(log_strip)};
    for (u64 i = threadIdx.x; i < size; i += blockDim.x)
        words[slot(i)] = source[((i >> log_strip) << log_stride) + (i & strip_mask)];
    // The first step's own barrier, after its twiddles, also orders these stores before its loads.
    for (u32 depth = 0; depth < layers; depth += kMaxStep) {
        const u32 left = static_cast<u32>(layers) - depth;
        if (left >= 4) {
            step<4, inverse>(tile, depth);
        } else if (left == 3) {
            step<3, inverse>(tile, depth);
        } else if (left == 2) {
            step<2, inverse>(tile, depth);
        } else {
            step<1, inverse>(tile, depth);
        }
    }
    for (u64 i = threadIdx.x; i < size; i += blockDim.x)
        target[((i >> log_strip) << log_stride) + (i & strip_mask)] = canonical(words[slot(i)]);
}

}  // namespace

// ntt_forward, ntt_inverse
// Computes: `layers` layers, from `first_layer` on, of transforms of 2^log_size words. `unit` u of the launch is block
//           u mod 2^log_blocks of the domain of column u >> log_blocks; it reads the column u >> log_sharing of `in` and
//           writes column u of `out`.
// Layout:   columns of 2^log_size words; roots: the table R, of inverse roots for ntt_inverse. `in` may be `out` when
//           log_sharing is 0.
// Launch:   blockIdx.x = unit * tiles + tile, 2^(log_size - layers - log_strip) tiles; a tile is 2^layers rows of
//           2^log_strip neighbouring words, at most 2^12 words, in 8 * (17/16 tile + 240) bytes of shared memory;
//           tile / 16 threads, at most 256. 2^20 words take two passes, 2^24 three.
// Moves:    16 bytes per word and pass.
// Does:     per word and four layers 15/16 products of 19 instructions, 17/16 shifts of 9 to 15, 2 canonical forms of 6, 4 sums of 6 or 5;
//           a step with more than 16 twiddles per tile makes their powers itself, 11/16 products more.
// Limit:    integer instructions; the two or three passes over memory are half of that.
extern "C" __global__ void __launch_bounds__(256)
    ntt_forward(const u64* in, u64* out, const u64* roots, u64 log_size, u64 first_layer, u64 layers, u64 log_strip,
                u64 log_blocks, u64 log_sharing) {
    pass<false>(in, out, roots, log_size, first_layer, layers, log_strip, log_blocks, log_sharing);
}

extern "C" __global__ void __launch_bounds__(256)
    ntt_inverse(const u64* in, u64* out, const u64* roots, u64 log_size, u64 first_layer, u64 layers, u64 log_strip,
                u64 log_blocks, u64 log_sharing) {
    pass<true>(in, out, roots, log_size, first_layer, layers, log_strip, log_blocks, log_sharing);
}

namespace {

constexpr u32 kLogEdge = 5;
constexpr u32 kEdge = 1u << kLogEdge;
constexpr u32 kLogLow = 12;

// base^i from two tables: low[i mod 2^12] and high[i >> 12]; 1 without tables.
__device__ __forceinline__ u64 scaled(u64 x, u64 i, const u64* low, const u64* high) {
    if (low == nullptr) return x;
    const u64 scale = multiply_loose(low[i & ((1u << kLogLow) - 1)], high[i >> kLogLow]);
    return canonical(multiply_loose(x, scale));
}

}  // namespace

// reverse_scale
// Computes: out[i] = in[reversed i] factor base^i of every column.
// Layout:   columns of 2^log_size words; low (2^12 or fewer) holds factor base^i, high base^(2^12 i); both null for 1.
// Launch:   2^(log_size - 10) blocks of 256 threads in x, at least one, a column per blockIdx.y; tiles of 32 x 32
//           through 33 * 32 * 8 bytes of shared memory, so that reads and writes are coalesced.
// Moves:    16 bytes per word.
// Does:     two products.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(256)
    reverse_scale(const u64* in, u64* out, u64 log_size, const u64* low, const u64* high) {
    const u64* const source = in + (static_cast<u64>(blockIdx.y) << log_size);
    u64* const target = out + (static_cast<u64>(blockIdx.y) << log_size);
    if (log_size < 2 * kLogEdge) {
        for (u64 i = threadIdx.x; i >> log_size == 0; i += blockDim.x)
            target[i] = scaled(source[reversed(i, log_size)], i, low, high);
        return;
    }
    u64* const buffer = shared_words();
    const u64 log_stride = log_size - kLogEdge;
    const u64 middle = blockIdx.x;
    const u64 middle_reversed = reversed(middle, log_size - 2 * kLogEdge);
    for (u32 at = threadIdx.x; at < kEdge * kEdge; at += blockDim.x) {
        const u32 a = at >> kLogEdge;
        const u32 b = at & (kEdge - 1);
        buffer[b * (kEdge + 1) + reversed(a, kLogEdge)] = source[(static_cast<u64>(a) << log_stride) + middle * kEdge + b];
    }
    __syncthreads();
    for (u32 at = threadIdx.x; at < kEdge * kEdge; at += blockDim.x) {
        const u32 b = at >> kLogEdge;
        const u64 index = (reversed(b, kLogEdge) << log_stride) + middle_reversed * kEdge + (at & (kEdge - 1));
        target[index] = scaled(buffer[b * (kEdge + 1) + (at & (kEdge - 1))], index, low, high);
    }
}

// scale_powers
// Computes: out[i] = in[i] factor base^i of every column.
// Layout:   as reverse_scale; in may be out.
// Launch:   one thread per word, block of 256; a column per blockIdx.y.
// Moves:    16 bytes per word.
// Does:     two products.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(256)
    scale_powers(const u64* in, u64* out, u64 log_size, const u64* low, const u64* high) {
    const u64 row = global_thread();
    if (row >> log_size != 0) return;
    const u64 at = (static_cast<u64>(blockIdx.y) << log_size) + row;
    out[at] = scaled(in[at], row, low, high);
}
