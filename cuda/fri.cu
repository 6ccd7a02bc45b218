// FRI: folding and grouping of layers, and the copies that rearrange columns.
#include "extension.cuh"
#include "launch.cuh"

namespace {

using namespace gpu;

// Folds 2^log_arity values in place, pair by pair, level by level: (a + b) / 2 + beta (a - b) / (2 x).
template <u32 log_arity>
__device__ __forceinline__ void fold_group(const u64* values, u64* out, u64 rows, const u64* roots, const u64* scales) {
    constexpr u32 arity = 1u << log_arity;
    const u64 at = global_thread();
    if (at >= rows) return;
    const Fp half((kPrime + 1) / 2);
    Ext group[arity];
#pragma unroll
    for (u32 i = 0; i < arity; ++i) group[i] = Ext::load(values + at * arity + i, rows * arity);
#pragma unroll
    for (u32 level = 0; level < log_arity; ++level) {
        const Ext scale = Ext::load(scales + 3 * level, 1);
        const u32 pairs = arity >> (level + 1);
#pragma unroll
        for (u32 i = 0; i < pairs; ++i) {
            const Fp root(roots[at * pairs + i]);
            group[i] = (group[2 * i] + group[2 * i + 1]) * half + (group[2 * i] - group[2 * i + 1]) * root * scale;
        }
    }
    group[0].store(out + at, rows);
}

}  // namespace

// fold_2, fold_4, fold_8
// Computes: a FRI layer folded by 2, 4 or 8: f = sum X^j f_j(X^a) -> sum beta^j f_j.
// Layout:   values (3, a rows) on shift <w>, bit-reversed -> out (3, rows). roots: the table of inverse bit-reversed
//           roots; scales (log a, 3): beta^(2^l) / (2 shift^(2^l)) for level l.
// Launch:   one thread per output, block of 128.
// Moves:    24 (a + 1) bytes per output, and the roots, which all three columns share.
// Does:     about 13 products for each of a - 1 pairs.
// Limit:    memory from a = 2 up to 4; instruction issue and memory alike at 8.
extern "C" __global__ void __launch_bounds__(128)
    fold_2(const u64* values, u64* out, u64 rows, const u64* roots, const u64* scales) {
    fold_group<1>(values, out, rows, roots, scales);
}

extern "C" __global__ void __launch_bounds__(128)
    fold_4(const u64* values, u64* out, u64 rows, const u64* roots, const u64* scales) {
    fold_group<2>(values, out, rows, roots, scales);
}

extern "C" __global__ void __launch_bounds__(128)
    fold_8(const u64* values, u64* out, u64 rows, const u64* roots, const u64* scales) {
    fold_group<3>(values, out, rows, roots, scales);
}

// group_rows
// Computes: a FRI layer laid out as leaf rows.
// Layout:   values (3, size) -> out (3 a, size / a): column 3 k + i of row r is coefficient i of value r a + k.
// Launch:   one thread per row, block of 128: writes are coalesced, a row's reads share cache lines.
// Moves:    48 a bytes per row.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(128)
    group_rows(const u64* values, u64* out, u64 size, u64 log_arity) {
    const u64 rows = size >> log_arity;
    const u64 row = global_thread();
    if (row >= rows) return;
    const u64 arity = 1ULL << log_arity;
    for (u64 i = 0; i < 3; ++i)
        for (u64 k = 0; k < arity; ++k) out[(3 * k + i) * rows + row] = values[i * size + row * arity + k];
}

// copy_columns
// Computes: columns that lie anywhere, side by side.
// Layout:   columns: gridDim.y pointers to `rows` words -> out (gridDim.y, rows).
// Launch:   one thread per word, block of 256; a column per blockIdx.y.
// Moves:    16 bytes per word.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(256) copy_columns(const u64* const* columns, u64* out, u64 rows) {
    const u64 row = global_thread();
    if (row < rows) out[blockIdx.y * rows + row] = columns[blockIdx.y][row];
}

// lift_sum
// Computes: the sum of vectors of several heights.
// Layout:   parts: `count` pointers to (3, 2^l) and log_sizes: their l; read at i >> (log_rows - l) -> out (3, 2^log_rows).
// Launch:   one thread per row, block of 256; a coefficient per blockIdx.y.
// Moves:    8 bytes per output word, and per part 8 >> (log_rows - l).
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(256)
    lift_sum(const u64* const* parts, const u64* log_sizes, u64 count, u64 log_rows, u64* out) {
    const u64 row = global_thread();
    if (row >> log_rows != 0) return;
    Fp sum;
    for (u64 part = 0; part < count; ++part) {
        const u64 log_size = log_sizes[part];
        sum += Fp(parts[part][(static_cast<u64>(blockIdx.y) << log_size) + (row >> (log_rows - log_size))]);
    }
    out[(static_cast<u64>(blockIdx.y) << log_rows) + row] = sum.value;
}
