// Openings at extension points, linear combinations of columns, DEEP quotients.
#include "domain.cuh"
#include "extension.cuh"
#include "launch.cuh"

namespace {

using namespace gpu;

// Points whose distances a thread inverts with one exponentiation.
constexpr u32 kTogether = 8;

// The points of one thread, a block's width apart, and the products of the norms of their distances to z.
struct Distances {
    u64 first;
    u64 rows;
    Fp determinants[kTogether];
    Fp prefixes[kTogether];
    Fp suffix;

    __device__ __forceinline__ Distances(const u64* roots, Fp shift, const Ext& z, u64 count)
        : first(static_cast<u64>(blockIdx.x) * blockDim.x * kTogether + threadIdx.x), rows(count) {
        Fp product(1);
#pragma unroll
        for (u32 i = 0; i < kTogether; ++i) {
            determinants[i] = Fp(1);
            if (row(i) < rows) {
                const Ext d = distance(domain_point(roots, shift, row(i)), z);
                determinants[i] = d.determinant(d.adjugate());
            }
            prefixes[i] = product;
            product *= determinants[i];
        }
        suffix = product.inverse();
    }

    __device__ __forceinline__ u64 row(u32 i) const { return first + static_cast<u64>(i) * blockDim.x; }
    static __device__ __forceinline__ Ext distance(Fp x, const Ext& z) { return {x - z.c[0], -z.c[1], -z.c[2]}; }

    // 1 / (x_i - z); to be called for i from the last down to 0.
    __device__ __forceinline__ Ext next_inverse(u32 i, Fp x, const Ext& z) {
        const Fp inverse = suffix * prefixes[i];
        suffix *= determinants[i];
        return distance(x, z).adjugate() * inverse;
    }
};

}  // namespace

// barycentric_weights
// Computes: x_i / (z - x_i) for the points x_i of shift <w_n>, none of which is z.
// Layout:   roots: the table of bit-reversed roots -> weights (3, n), bit-reversed.
// Launch:   8 points per thread, a block's width apart, block of 128.
// Moves:    28 bytes per point.
// Does:     about 35 products per point.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    barycentric_weights(u64* weights, u64 size, u64 shift, const u64* roots, u64 z0, u64 z1, u64 z2) {
    const Ext z{Fp(z0), Fp(z1), Fp(z2)};
    Distances distances(roots, Fp(shift), z, size);
#pragma unroll
    for (u32 i = kTogether; i-- > 0;) {
        const u64 row = distances.row(i);
        const Fp x = row < size ? domain_point(roots, Fp(shift), row) : Fp(1);
        const Ext inverse = distances.next_inverse(i, x, z);
        if (row < size) (inverse * -x).store(weights + row, size);
    }
}

// weighted_sums
// Computes: for every column and every piece of `chunk` rows, the sum of values times extension weights.
// Layout:   values: columns `stride` words apart, weights (3, size) -> partial (columns, gridDim.x, 3).
// Launch:   a piece per blockIdx.x, a column per blockIdx.y, block of 128, 96 bytes of shared memory.
// Moves:    8 bytes per value, and 24 per weight for every column: from the second-level cache, pieces are short.
// Does:     3 products and 3 additions per value.
// Limit:    instruction issue: 81 instructions per 8 bytes.
extern "C" __global__ void __launch_bounds__(128)
    weighted_sums(const u64* values, u64 stride, const u64* weights, u64 size, u64 chunk, u64* partial) {
    u64* const warp_sums = shared_words();
    const u64* const column = values + blockIdx.y * stride;
    const u64 begin = blockIdx.x * chunk;
    const u64 end = begin + chunk < size ? begin + chunk : size;
    Ext sum;
    for (u64 row = begin + threadIdx.x; row < end; row += blockDim.x)
        sum = sum + Ext::load(weights + row, size) * Fp(column[row]);
    const u32 lane = threadIdx.x % kWarp;
    const u32 warp = threadIdx.x / kWarp;
#pragma unroll
    for (u32 k = 0; k < 3; ++k) {
        for (u32 delta = kWarp / 2; delta > 0; delta /= 2)
            sum.c[k] += Fp(__shfl_down_sync(0xffffffffu, sum.c[k].value, delta));
        if (lane == 0) warp_sums[3 * warp + k] = sum.c[k].value;
    }
    __syncthreads();
    if (threadIdx.x < 3) {
        Fp total;
        for (u32 w = 0; w < blockDim.x / kWarp; ++w) total += Fp(warp_sums[3 * w + threadIdx.x]);
        partial[3 * (static_cast<u64>(blockIdx.y) * gridDim.x + blockIdx.x) + threadIdx.x] = total.value;
    }
}

// sum_partials
// Computes: the sums of the pieces of weighted_sums.
// Layout:   partial (columns, pieces, 3) -> out (columns, 3).
// Launch:   one thread per output word, block of 128.
// Limit:    latency; there are a few hundred outputs.
extern "C" __global__ void __launch_bounds__(128)
    sum_partials(const u64* partial, u64 columns, u64 pieces, u64* out) {
    const u64 at = global_thread();
    if (at >= 3 * columns) return;
    Fp total;
    for (u64 piece = 0; piece < pieces; ++piece) total += Fp(partial[3 * (at / 3 * pieces + piece) + at % 3]);
    out[at] = total.value;
}

// linear_combination
// Computes: the sum of columns with extension coefficients.
// Layout:   values (columns, rows), coefficients (columns, 3) -> out (3, rows).
// Launch:   one thread per row, block of 128; all threads read the same coefficient.
// Moves:    8 bytes per value and 24 per row.
// Does:     3 products and 3 additions per value.
// Limit:    instruction issue: 81 instructions per 8 bytes.
extern "C" __global__ void __launch_bounds__(128)
    linear_combination(const u64* values, u64 columns, u64 rows, const u64* coefficients, u64* out) {
    const u64 row = global_thread();
    if (row >= rows) return;
    Ext sum;
    for (u64 column = 0; column < columns; ++column)
        sum = sum + Ext::load(coefficients + 3 * column, 1) * Fp(values[column * rows + row]);
    sum.store(out + row, rows);
}

// deep_term
// Computes: out = or += (sum of lifted vectors - value) / (x - point) over shift <w>, bit-reversed.
// Layout:   vectors: `count` pointers to (3, 2^l), log_sizes: their l, read at i >> (log_rows - l); roots: the table of
//           bit-reversed roots; scalars (6): point, value -> out (3, 2^log_rows).
// Launch:   8 rows per thread, a block's width apart, block of 128.
// Moves:    24 bytes per row written (and read when adding), 24 per row and vector of full height, 4 of roots.
// Does:     about 41 products per row.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128, 4)
    deep_term(u64* out, u64 adding, u64 log_rows, u64 shift, const u64* roots, const u64* scalars,
              const u64* const* vectors, const u64* log_sizes, u64 count) {
    const u64 rows = 1ULL << log_rows;
    const Ext z = Ext::load(scalars, 1);
    const Ext value = Ext::load(scalars + 3, 1);
    Distances distances(roots, Fp(shift), z, rows);
#pragma unroll
    for (u32 i = kTogether; i-- > 0;) {
        const u64 row = distances.row(i);
        const Fp x = row < rows ? domain_point(roots, Fp(shift), row) : Fp(1);
        const Ext inverse = distances.next_inverse(i, x, z);
        if (row >= rows) continue;
        Ext numerator = Ext() - value;
        for (u64 v = 0; v < count; ++v)
            numerator = numerator + Ext::load(vectors[v] + (row >> (log_rows - log_sizes[v])), 1ULL << log_sizes[v]);
        const Ext quotient = numerator * inverse;
        (adding ? Ext::load(out + row, rows) + quotient : quotient).store(out + row, rows);
    }
}
