// Tables of roots and powers, batch inversion, prefix sums.
#include "extension.cuh"
#include "field/goldilocks.hpp"
#include "launch.cuh"

namespace {

using namespace gpu;

// Elements that a thread inverts with one exponentiation.
constexpr u32 kTogether = 8;

// w_{k+2} and its inverse, w_m the generator of the subgroup of order 2^m.
struct RootSteps {
    u64 forward[31];
    u64 backward[31];
};

constexpr RootSteps make_root_steps() {
    RootSteps made{};
    for (u32 k = 0; k < 31; ++k) {
        const hm::Fp root = hm::root_of_unity(k + 2);
        made.forward[k] = root.value;
        made.backward[k] = root.inverse().value;
    }
    return made;
}

__constant__ RootSteps root_steps = make_root_steps();

}  // namespace

// fill_roots
// Computes: the table of bit-reversed roots: entry j is the product over the bits k of j of w_{k+2}, or its inverse.
// Layout:   out (count).
// Launch:   one thread per entry, block of 256. Once per process and size.
// Moves:    8 bytes per entry.
// Does:     at most log2(count) products.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(256) fill_roots(u64* out, u64 count, u64 inverse) {
    const u64 at = global_thread();
    if (at >= count) return;
    u64 root = 1;
    for (u32 k = 0; at >> k != 0; ++k)
        if (at >> k & 1) root = multiply_loose(root, inverse ? root_steps.backward[k] : root_steps.forward[k]);
    out[at] = canonical(root);
}

// fill_powers
// Computes: factor base^i.
// Layout:   out (count).
// Launch:   one thread per entry, block of 256. Tables are short: 2^12 entries and fewer.
// Moves:    8 bytes per entry.
// Does:     2 log2(count) products.
// Limit:    latency.
extern "C" __global__ void __launch_bounds__(256) fill_powers(u64* out, u64 count, u64 base, u64 factor) {
    const u64 at = global_thread();
    if (at < count) out[at] = (Fp(base).pow(at) * Fp(factor)).value;
}

// invert
// Computes: the inverses of elements, zero for zero, by Montgomery's trick.
// Layout:   in, out (count); they may be the same.
// Launch:   8 elements per thread, a block's width apart, block of 128.
// Moves:    16 bytes per element.
// Does:     3 products per element and 72 per thread: 12 per element.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128) invert(const u64* in, u64* out, u64 count) {
    const u64 first = static_cast<u64>(blockIdx.x) * blockDim.x * kTogether + threadIdx.x;
    Fp values[kTogether];
    Fp prefixes[kTogether];
    Fp product(1);
#pragma unroll
    for (u32 i = 0; i < kTogether; ++i) {
        const u64 at = first + static_cast<u64>(i) * blockDim.x;
        values[i] = Fp(at < count ? in[at] : 0);
        prefixes[i] = product;
        if (values[i].value != 0) product *= values[i];
    }
    Fp suffix = product.inverse();
#pragma unroll
    for (u32 i = kTogether; i-- > 0;) {
        const u64 at = first + static_cast<u64>(i) * blockDim.x;
        const bool zero = values[i].value == 0;
        if (at < count) out[at] = zero ? 0 : (suffix * prefixes[i]).value;
        if (!zero) suffix *= values[i];
    }
}

// invert_extension
// Computes: the inverses of extension elements, zero for zero: adjugate / determinant, determinants inverted together.
// Layout:   in, out (3, count); they may be the same.
// Launch:   8 elements per thread, a block's width apart, block of 128.
// Moves:    48 bytes per element, read twice.
// Does:     about 33 products per element.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128) invert_extension(const u64* in, u64* out, u64 count) {
    const u64 first = static_cast<u64>(blockIdx.x) * blockDim.x * kTogether + threadIdx.x;
    Fp determinants[kTogether];
    Fp prefixes[kTogether];
    Fp product(1);
#pragma unroll
    for (u32 i = 0; i < kTogether; ++i) {
        const u64 at = first + static_cast<u64>(i) * blockDim.x;
        determinants[i] = Fp();
        if (at < count) {
            const Ext x = Ext::load(in + at, count);
            determinants[i] = x.determinant(x.adjugate());
        }
        prefixes[i] = product;
        if (determinants[i].value != 0) product *= determinants[i];
    }
    Fp suffix = product.inverse();
#pragma unroll
    for (u32 i = kTogether; i-- > 0;) {
        const u64 at = first + static_cast<u64>(i) * blockDim.x;
        if (determinants[i].value == 0) {
            if (at < count) Ext().store(out + at, count);
            continue;
        }
        const Ext x = Ext::load(in + at, count);
        (x.adjugate() * (suffix * prefixes[i])).store(out + at, count);
        suffix *= determinants[i];
    }
}

// scan_blocks
// Computes: inclusive prefix sums of every block of 256 words of every column, and the blocks' totals.
// Layout:   in, out (columns, rows), totals (columns, gridDim.x); in may be out. Extension columns are three columns.
// Launch:   one thread per word, block of 256; a column per blockIdx.y; 64 bytes of shared memory.
// Moves:    16 bytes per word.
// Does:     13 additions.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(256) scan_blocks(const u64* in, u64* out, u64* totals, u64 rows) {
    u64* const warp_totals = shared_words();
    const u64 row = global_thread();
    const u64 at = blockIdx.y * rows + row;
    const u32 lane = threadIdx.x % kWarp;
    const u32 warp = threadIdx.x / kWarp;
    Fp sum(row < rows ? in[at] : 0);
    for (u32 delta = 1; delta < kWarp; delta *= 2) {
        const Fp before(__shfl_up_sync(0xffffffffu, sum.value, delta));
        if (lane >= delta) sum += before;
    }
    if (lane == kWarp - 1) warp_totals[warp] = sum.value;
    __syncthreads();
    for (u32 earlier = 0; earlier < warp; ++earlier) sum += Fp(warp_totals[earlier]);
    if (row < rows) out[at] = sum.value;
    if (threadIdx.x == blockDim.x - 1) totals[static_cast<u64>(blockIdx.y) * gridDim.x + blockIdx.x] = sum.value;
}

// add_offsets
// Computes: the second half of prefix sums: adds to every block but the first the sum of the blocks before it.
// Layout:   sums (columns, rows), offsets (columns, gridDim.x): inclusive prefix sums of the totals of scan_blocks.
// Launch:   as scan_blocks.
// Moves:    16 bytes per word.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(256) add_offsets(u64* sums, const u64* offsets, u64 rows) {
    const u64 row = global_thread();
    if (row >= rows || blockIdx.x == 0) return;
    const u64 at = blockIdx.y * rows + row;
    sums[at] = (Fp(sums[at]) + Fp(offsets[static_cast<u64>(blockIdx.y) * gridDim.x + blockIdx.x - 1])).value;
}

// field_operations
// Computes: a + b, a - b, a b (by the loose product), a b + a with a loose intermediate, and 1 / a, for the self-test.
// Layout:   a, b (count) -> out (5, count).
// Launch:   one thread per pair, block of 128.
// Limit:    none; it is a test.
extern "C" __global__ void __launch_bounds__(128) field_operations(const u64* a, const u64* b, u64* out, u64 count) {
    const u64 at = global_thread();
    if (at >= count) return;
    const Fp x(a[at]);
    const Fp y(b[at]);
    out[at] = (x + y).value;
    out[count + at] = (x - y).value;
    out[2 * count + at] = (x * y).value;
    out[3 * count + at] = canonical(add_loose(multiply_loose(a[at], b[at]), a[at]));
    out[4 * count + at] = x.inverse().value;
}
