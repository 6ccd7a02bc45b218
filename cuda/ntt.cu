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
    const u64 stride = 1ULL << log_row;
    const u64 groups = 1ULL << (tile.layers - log_radix);
    for (u64 group = threadIdx.x; group < groups; group += blockDim.x) {
        const u64 block = group >> log_row;
        const u64 start = (block << (tile.layers - depth)) + (group & (stride - 1));
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
__device__ __forceinline__ void whole(const u64* in, u64* out, const u64* roots, u64 log_size, u64 log_blocks,
                                      u64 log_sharing) {
    const u64 unit = blockIdx.x;
    const u64 size = 1ULL << log_size;
    const u64* const source = in + ((unit >> log_sharing) << log_size);
    u64* const target = out + (unit << log_size);
    u64* const words = shared_words();
    const Tile tile = {words, words + slot(size), roots, unit & ((1ULL << log_blocks) - 1), static_cast<u32>(log_size)};
    for (u64 i = threadIdx.x; i < size; i += blockDim.x) words[slot(i)] = source[i];
    // The first step's own barrier, after its twiddles, also orders these stores before its loads.
    for (u32 depth = 0; depth < tile.layers; depth += kMaxStep) {
        const u32 left = tile.layers - depth;
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
    for (u64 i = threadIdx.x; i < size; i += blockDim.x) target[i] = canonical(words[slot(i)]);
}

}  // namespace

// ntt_forward, ntt_inverse
// Computes: transforms of 2^log_size words, at most 2^12. `unit` u of the launch is block u mod 2^log_blocks of the domain of
//           column u >> log_blocks; it reads the column u >> log_sharing of `in` and writes column u of `out`.
// Layout:   columns of 2^log_size words; roots: the table R, of inverse roots for ntt_inverse. `in` may be `out` when
//           log_sharing is 0.
// Launch:   one block per unit, size / 16 threads, at most 256; 8 * (17/16 size + 240) bytes of shared memory.
// Moves:    16 bytes per word.
// Does:     as ntt_tiles_forward.
// Limit:    integer instructions.
extern "C" __global__ void __launch_bounds__(256)
    ntt_forward(const u64* in, u64* out, const u64* roots, u64 log_size, u64 log_blocks, u64 log_sharing) {
    whole<false>(in, out, roots, log_size, log_blocks, log_sharing);
}

extern "C" __global__ void __launch_bounds__(256)
    ntt_inverse(const u64* in, u64* out, const u64* roots, u64 log_size, u64 log_blocks, u64 log_sharing) {
    whole<true>(in, out, roots, log_size, log_blocks, log_sharing);
}

namespace {

// A tile of 2^kLogTile words, sixteen a thread, which go from memory to registers, once through shared memory, and back.
constexpr u32 kLogTile = 12;
constexpr u32 kTileThreads = 1u << (kLogTile - kMaxStep);
constexpr u32 kTilePowers = (1u << kMaxStep) - 1;

// A radix-2^log_radix step of a group of elements, its twiddle's powers read from `powers`.
template <u32 log_radix, bool inverse>
__device__ __forceinline__ void step_by(u64 (&v)[1 << log_radix], const u64* powers) {
#pragma unroll
    for (u32 k = 1; k < 1u << log_radix; ++k) v[k] = multiply_loose(v[k], powers[k - 1]);
    butterflies<log_radix, inverse>(v);
}

// The logarithm of the highest power of two in k.
constexpr u32 log_floor(u32 k) { return k < 2 ? 0 : 1 + log_floor(k / 2); }

// The same for block j, whose twiddle's powers the thread makes itself, from element `k` on.
template <u32 log_radix, u32 k = 1>
__device__ __forceinline__ void multiply_by_powers(u64 (&v)[1 << log_radix], u64 (&power)[1 << log_radix],
                                                   const u64* roots, u64 j) {
    constexpr u32 m = log_floor(k);
    if constexpr (k == 1u << m) {
        power[k] = roots[j << (log_radix - 1 - m)];
    } else {
        power[k] = multiply_loose(power[1u << m], power[k - (1u << m)]);
    }
    v[k] = multiply_loose(v[k], power[k]);
    if constexpr (k + 1 < 1u << log_radix) multiply_by_powers<log_radix, k + 1>(v, power, roots, j);
}

template <u32 log_radix, bool inverse>
__device__ __forceinline__ void step_at(u64 (&v)[1 << log_radix], const u64* roots, u64 j) {
    u64 power[1 << log_radix];
    multiply_by_powers<log_radix>(v, power, roots, j);
    butterflies<log_radix, inverse>(v);
}

// Groups `at` and on of a thread's 16 >> log_radix groups, word k of group g in v[g << log_radix | k]; the powers of
// neighbouring groups are `distance` words apart, their blocks the threads of a tile.
template <u32 log_radix, bool inverse, u32 at = 0>
__device__ __forceinline__ void steps_by(u64 (&v)[1 << kMaxStep], const u64* powers, u32 distance) {
    u64 group[1 << log_radix];
#pragma unroll
    for (u32 k = 0; k < 1u << log_radix; ++k) group[k] = v[at << log_radix | k];
    step_by<log_radix, inverse>(group, powers + at * distance);
#pragma unroll
    for (u32 k = 0; k < 1u << log_radix; ++k) v[at << log_radix | k] = group[k];
    if constexpr (at + 1 < (1u << kMaxStep) >> log_radix) steps_by<log_radix, inverse, at + 1>(v, powers, distance);
}

template <u32 log_radix, bool inverse, u32 at = 0>
__device__ __forceinline__ void steps_at(u64 (&v)[1 << kMaxStep], const u64* roots, u64 j) {
    u64 group[1 << log_radix];
#pragma unroll
    for (u32 k = 0; k < 1u << log_radix; ++k) group[k] = v[at << log_radix | k];
    step_at<log_radix, inverse>(group, roots, j + at * kTileThreads);
#pragma unroll
    for (u32 k = 0; k < 1u << log_radix; ++k) v[at << log_radix | k] = group[k];
    if constexpr (at + 1 < (1u << kMaxStep) >> log_radix) steps_at<log_radix, inverse, at + 1>(v, roots, j);
}

// Rows far apart, 2^(12 - layers) neighbouring words of each.
template <u32 layers, bool inverse>
__device__ __forceinline__ void strips(const u64* in, u64* out, const u64* roots, u64 log_size, u64 first_layer,
                                       u64 log_blocks, u64 log_sharing) {
    constexpr u32 rest = layers - kMaxStep;
    constexpr u32 strip = kLogTile - layers;
    const u32 t = threadIdx.x;
    const u64 log_stride = log_size - first_layer - layers;
    const u64 log_strips = log_stride - strip;
    const u64 unit = blockIdx.x >> (log_size - kLogTile);
    const u64 number = blockIdx.x & ((1ULL << (log_size - kLogTile)) - 1);
    const u64 part = number >> log_strips;
    const u64 base = (part << (log_size - first_layer)) + ((number & ((1ULL << log_strips) - 1)) << strip);
    const u64 block = ((unit & ((1ULL << log_blocks) - 1)) << first_layer) + part;
    const u64* const source = in + ((unit >> log_sharing) << log_size) + base +
                              (static_cast<u64>(t >> strip) << log_stride) + (t & ((1u << strip) - 1));
    u64 v[1 << kMaxStep];
#pragma unroll
    for (u32 k = 0; k < 1u << kMaxStep; ++k) v[k] = source[static_cast<u64>(k) << (log_stride + rest)];
    u64* const words = shared_words();
    u64* const first_powers = words + (1u << kLogTile);
    u64* const second_powers = first_powers + kTilePowers + 1;
    constexpr u32 count = (1u << rest) - 1;
    if (t < count << kMaxStep) {
        second_powers[t] = twiddle_power(roots, (block << kMaxStep) + t / count, t % count + 1, rest);
    } else if (t >= kTileThreads - kTilePowers) {
        const u32 k = t - (kTileThreads - kTilePowers);
        first_powers[k] = twiddle_power(roots, block, k + 1, kMaxStep);
    }
    __syncthreads();
    step_by<kMaxStep, inverse>(v, first_powers);
#pragma unroll
    for (u32 k = 0; k < 1u << kMaxStep; ++k) words[k << (kLogTile - kMaxStep) | t] = v[k];
    __syncthreads();
    const auto place = [t](u32 g) {
        const u32 group = t + kTileThreads * g;
        return (group >> strip) << (kLogTile - kMaxStep) | (group & ((1u << strip) - 1));
    };
#pragma unroll
    for (u32 i = 0; i < 1u << kMaxStep; ++i) v[i] = words[place(i >> rest) + ((i & ((1u << rest) - 1)) << strip)];
    steps_by<rest, inverse>(v, second_powers + count * (t >> strip), count * (kTileThreads >> strip));
    u64* const target = out + (unit << log_size) + base;
#pragma unroll
    for (u32 i = 0; i < 1u << kMaxStep; ++i) {
        const u32 word = place(i >> rest) + ((i & ((1u << rest) - 1)) << strip);
        target[(static_cast<u64>(word >> strip) << log_stride) + (word & ((1u << strip) - 1))] = v[i];
    }
}

// The last layers: 2^12 neighbouring words, 2^(12 - layers) blocks.
template <u32 layers, bool inverse>
__device__ __forceinline__ void runs(const u64* in, u64* out, const u64* roots, u64 log_size, u64 log_blocks,
                                     u64 log_sharing) {
    constexpr u32 rest = layers - kMaxStep;
    constexpr u32 log_parts = kLogTile - layers;
    const u32 t = threadIdx.x;
    const u64 unit = blockIdx.x >> (log_size - kLogTile);
    const u64 number = blockIdx.x & ((1ULL << (log_size - kLogTile)) - 1);
    const u64 base = number << kLogTile;
    // The first of the blocks that the tile consists of.
    const u64 block = ((unit & ((1ULL << log_blocks) - 1)) << (log_size - layers)) + (number << log_parts);
    const u32 start = (t >> rest) << layers | (t & ((1u << rest) - 1));
    const u64* const source = in + ((unit >> log_sharing) << log_size) + base + start;
    u64 v[1 << kMaxStep];
#pragma unroll
    for (u32 k = 0; k < 1u << kMaxStep; ++k) v[k] = source[k << rest];
    u64* const words = shared_words();
    constexpr bool together = log_parts <= kMaxStep;
    if constexpr (together) {
        u64* const powers = words + slot(1u << kLogTile);
        if (t < kTilePowers << log_parts)
            powers[t] = twiddle_power(roots, block + t / kTilePowers, t % kTilePowers + 1, kMaxStep);
        __syncthreads();
        step_by<kMaxStep, inverse>(v, powers + kTilePowers * (t >> rest));
    } else {
        step_at<kMaxStep, inverse>(v, roots, block + (t >> rest));
    }
#pragma unroll
    for (u32 k = 0; k < 1u << kMaxStep; ++k) words[slot(start + (k << rest))] = v[k];
    __syncthreads();
#pragma unroll
    for (u32 i = 0; i < 1u << kMaxStep; ++i)
        v[i] = words[slot(((t + kTileThreads * (i >> rest)) << rest) + (i & ((1u << rest) - 1)))];
    steps_at<rest, inverse>(v, roots, (block << kMaxStep) + t);
#pragma unroll
    for (u32 i = 0; i < 1u << kMaxStep; ++i)
        words[slot(((t + kTileThreads * (i >> rest)) << rest) + (i & ((1u << rest) - 1)))] = v[i];
    __syncthreads();
    u64* const target = out + (unit << log_size) + base;
#pragma unroll
    for (u32 k = 0; k < 1u << kMaxStep; ++k) target[k * kTileThreads + t] = canonical(words[slot(k * kTileThreads + t)]);
}

template <bool inverse>
__device__ __forceinline__ void tile_pass(const u64* in, u64* out, const u64* roots, u64 log_size, u64 first_layer,
                                          u64 layers, u64 log_blocks, u64 log_sharing) {
    if (first_layer + layers == log_size) {
        switch (layers) {
            case 5: return runs<5, inverse>(in, out, roots, log_size, log_blocks, log_sharing);
            case 6: return runs<6, inverse>(in, out, roots, log_size, log_blocks, log_sharing);
            case 7: return runs<7, inverse>(in, out, roots, log_size, log_blocks, log_sharing);
            default: return runs<8, inverse>(in, out, roots, log_size, log_blocks, log_sharing);
        }
    }
    switch (layers) {
        case 5: return strips<5, inverse>(in, out, roots, log_size, first_layer, log_blocks, log_sharing);
        case 6: return strips<6, inverse>(in, out, roots, log_size, first_layer, log_blocks, log_sharing);
        case 7: return strips<7, inverse>(in, out, roots, log_size, first_layer, log_blocks, log_sharing);
        default: return strips<8, inverse>(in, out, roots, log_size, first_layer, log_blocks, log_sharing);
    }
}

}  // namespace

// ntt_tiles_forward, ntt_tiles_inverse
// Computes: `layers` layers, five to eight, from `first_layer` on, of transforms of more than 2^12 words; units as in
//           ntt_forward. All but the last pass leave any representatives.
// Layout:   as ntt_forward.
// Launch:   blockIdx.x = unit * tiles + tile, 2^(log_size - 12) tiles of 256 threads with 16 words each, in
//           8 * (17/16 2^12 + 240) bytes of shared memory. A tile is strips of 2^(12 - layers) words of rows that lie apart, or,
//           in the last pass, a run of 2^12 words. 2^16 words take two passes, 2^24 three.
// Moves:    16 bytes per word and pass.
// Does:     per word and four layers 15/16 products of 19 instructions, 17/16 shifts of 9 to 15, 2 canonical forms of 6, 4 sums of 6 or 5;
//           the last step makes its twiddles' powers itself, 11/16 products more.
// Limit:    integer instructions; three passes over memory take as long where it moves 3 TB/s.
extern "C" __global__ void __launch_bounds__(256, 3)
    ntt_tiles_forward(const u64* in, u64* out, const u64* roots, u64 log_size, u64 first_layer, u64 layers,
                      u64 log_blocks, u64 log_sharing) {
    tile_pass<false>(in, out, roots, log_size, first_layer, layers, log_blocks, log_sharing);
}

extern "C" __global__ void __launch_bounds__(256, 3)
    ntt_tiles_inverse(const u64* in, u64* out, const u64* roots, u64 log_size, u64 first_layer, u64 layers,
                      u64 log_blocks, u64 log_sharing) {
    tile_pass<true>(in, out, roots, log_size, first_layer, layers, log_blocks, log_sharing);
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
