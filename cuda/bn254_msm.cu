// Multi-scalar multiplication over BN254's G1, by Pippenger's buckets.
//
// Scalars are split by the endomorphism into halves of 126 bits, and those into windows of signed digits, as in the native
// library. Digits are counted, and their places follow from prefix sums, so that the entries of a bucket lie side by side.
// Threads add up pieces of the same number of entries, whatever buckets they are of: a scalar that occurs often makes no
// thread wait for another. A bucket that goes on in later pieces gets their sums, the heads, added afterwards. Points are
// sums of a group, so the order in which threads place them does not show in the result.
#include "bn254/glv.hpp"
#include "bn254_curve.cuh"

namespace {

using namespace gpu;
using namespace gpu::bn254;

using u128 = unsigned __int128;

constexpr u32 kSignBit = 127;

// A digit of a biased half: the bucket that it belongs to, or none, and the sign.
struct Digit {
    u64 bucket;
    bool some, negative;
};

// How halves are cut: `windows` digits of `bits` bits, from -2^(bits - 1) to 2^(bits - 1).
__device__ __forceinline__ Digit digit_of(const u64* half, u64 window, u64 bits, u64 windows) {
    const u128 both = static_cast<u128>(half[1]) << 64 | half[0];
    const u128 biased = both & ~(u128{1} << kSignBit);
    const u64 half_range = 1ULL << (bits - 1);
    const u64 plain = static_cast<u64>(biased >> (bits * window)) & ((1ULL << bits) - 1);
    const bool highest = window + 1 == windows;
    const bool below = !highest && plain < half_range;
    const u64 magnitude = highest ? plain : below ? half_range - plain : plain - half_range;
    const bool sign = (half[1] >> 63) != 0;
    return {window * half_range + magnitude - 1, magnitude != 0, below != sign};
}

// The points and, after them, their images under the endomorphism.
struct Bases {
    const u64* points;
    const u64* images;
    u64 count;

    // Entry 2 place + (1 if negative).
    __device__ __forceinline__ Affine load(u32 entry) const {
        const u64 place = entry >> 1;
        const u64 at = place < count ? place : place - count;
        const u64* const x = place < count ? points + kAffineWords * at : images + kWords * at;
        const Fq y = Fq::load(points + kAffineWords * at + kWords);
        return {Fq::load(x), entry & 1 ? -y : y};
    }
};

// Heads that the thread of a bucket adds by itself at most.
constexpr u64 kFewHeads = 2;

// The heads of a bucket: those of the pieces after the one that it begins in.
struct Heads {
    u64 first = 0;
    u64 count = 0;

    static __device__ __forceinline__ Heads of(const u64* begins, u64 length) {
        if (begins[0] == begins[1]) return {};
        const u64 piece = begins[0] / length;
        return {piece + 1, (begins[1] - 1) / length - piece};
    }
};

// The sum over a block's threads, in thread 0; only the first `count` bring a point.
__device__ __forceinline__ Point block_sum(Point sum, u64 count) {
    u64* const shared = shared_words();
    sum.store(shared + kPointWords * threadIdx.x);
#pragma unroll 1
    for (u32 half = blockDim.x / 2; half > 0; half /= 2) {
        if (half >= count) continue;
        __syncthreads();
        if (threadIdx.x >= half) continue;
        sum = sum + Point::load(shared + kPointWords * (threadIdx.x + half));
        sum.store(shared + kPointWords * threadIdx.x);
    }
    return sum;
}

}  // namespace

// bn254_split_scalars
// Computes: the halves k1, k2 of every scalar k1 + k2 lambda: magnitude plus the bias, below 2^127, and the sign above.
// Layout:   scalars (count, 4) -> halves (2 count, 2): the first halves, then the second ones.
// Launch:   one thread per scalar, block of 128. The bias is 2^(bits - 1) in every digit but the highest.
// Moves:    64 bytes per scalar.
// Does:     a product, and some 50 products of words for the quotients and remainders.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    bn254_split_scalars(const u64* scalars, u64 count, u64 bias_low, u64 bias_high, u64* halves) {
    const u64 at = global_thread();
    if (at >= count) return;
    const Fr canonical = Fr::load(scalars + kWords * at).left();
    host::Limbs number;
#pragma unroll
    for (u32 i = 0; i < kWords; ++i) number.limb[i] = canonical.word(i);
    const host::Halves split = host::split(number);
    const u128 bias = static_cast<u128>(bias_high) << 64 | bias_low;
#pragma unroll
    for (u32 second = 0; second < 2; ++second) {
        const host::Half half = second == 0 ? split.first : split.second;
        const u128 biased = (half.magnitude + bias) | (static_cast<u128>(half.negative) << kSignBit);
        u64* const target = halves + 2 * (second * count + at);
        target[0] = static_cast<u64>(biased);
        target[1] = static_cast<u64>(biased >> 64);
    }
}

// bn254_endomorphism
// Computes: beta x of every point (x, y): (beta x, y) is the point times lambda.
// Layout:   points (count, 8) -> images (count, 4).
// Launch:   one thread per point, block of 128. Once for points that stay.
// Moves:    64 bytes per point.
// Does:     a product.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(128) bn254_endomorphism(const u64* points, u64* images, u64 count) {
    const u64 at = global_thread();
    if (at >= count) return;
    constexpr Limbs beta = narrow(host::kBeta.value);
    (Fq::load(points + kAffineWords * at) * Fq{beta}).store(images + kWords * at);
}

// bn254_count_digits
// Computes: += the number of digits of every bucket of every window.
// Layout:   halves (count, 2), counts (windows 2^(bits - 1)).
// Launch:   one thread per half, block of 128; a window per blockIdx.y.
// Moves:    24 bytes per half and window.
// Does:     an atomic addition.
// Limit:    atomic additions in the second-level cache.
extern "C" __global__ void __launch_bounds__(128)
    bn254_count_digits(const u64* halves, u64 count, u64 bits, u64 windows, u64* counts) {
    const u64 at = global_thread();
    if (at >= count) return;
    const Digit digit = digit_of(halves + 2 * at, blockIdx.y, bits, windows);
    if (digit.some) atomicAdd(counts + digit.bucket, 1ULL);
}

// bn254_place_digits
// Computes: the entries 2 i + (1 if negative) of halves i, those of a bucket side by side in some order.
// Layout:   halves as before; ends: where every bucket's entries end, which becomes where they begin; entries: 32 bits each.
// Launch:   as bn254_count_digits.
// Moves:    28 bytes per half and window, 4 of them anywhere.
// Does:     an atomic addition.
// Limit:    atomic additions in the second-level cache.
extern "C" __global__ void __launch_bounds__(128)
    bn254_place_digits(const u64* halves, u64 count, u64 bits, u64 windows, u64* ends, u32* entries) {
    const u64 at = global_thread();
    if (at >= count) return;
    const Digit digit = digit_of(halves + 2 * at, blockIdx.y, bits, windows);
    if (digit.some) entries[atomicAdd(ends + digit.bucket, ~0ULL) - 1] = static_cast<u32>(2 * at + digit.negative);
}

// bn254_add_entries
// Computes: the sum of the entries of every bucket that begins in a piece, as far as the piece goes; and the head, the sum
//           of those at a piece's beginning that belong to a bucket of an earlier piece.
// Layout:   points (count, 8), images (count, 4), begins (buckets + 1), the last one the number of entries -> sums
//           (buckets, 16), nothing for those without entries, and heads (pieces, 16), nothing where there is none.
// Launch:   one thread per piece of `length` entries, block of 128.
// Moves:    68 bytes per entry, 64 of them anywhere.
// Does:     ten products and seven sums per entry: about 3,400 instructions.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    bn254_add_entries(const u64* points, const u64* images, u64 count, const u32* entries, const u64* begins,
                      u64 buckets, u64 length, u64* sums, u64* heads) {
    const u64 piece = global_thread();
    const u64 total = begins[buckets];
    const u64 first = piece * length;
    if (first >= total) return;
    const u64 end = first + length < total ? first + length : total;
    // The last bucket that begins at or before the first entry has it: those without entries begin where the next does.
    u64 bucket = 0;
    for (u64 above = buckets; above - bucket > 1;) {
        const u64 middle = (bucket + above) / 2;
        if (begins[middle] <= first) {
            bucket = middle;
        } else {
            above = middle;
        }
    }
    const Bases bases = {points, images, count};
    u64* target = begins[bucket] < first ? heads + kPointWords * piece : sums + kPointWords * bucket;
    Point sum = Point::infinity();
#pragma unroll 1
    for (u64 at = first; at < end; ++at) {
        if (at == begins[bucket + 1]) {
            sum.store(target);
            sum = Point::infinity();
            do ++bucket;
            while (begins[bucket + 1] == at);
            target = sums + kPointWords * bucket;
        }
        sum = sum + bases.load(entries[at]);
    }
    sum.store(target);
}

// bn254_join_heads
// Computes: += the heads of the later pieces that a bucket goes on in.
// Layout:   as bn254_add_entries.
// Launch:   one thread per bucket, block of 64, with 8 * 16 * 64 bytes of shared memory. A thread adds the few heads that most
//           buckets have; the whole block adds those of a bucket that has many.
// Moves:    128 bytes per head.
// Does:     an addition of 14 products per head.
// Limit:    latency.
extern "C" __global__ void __launch_bounds__(64)
    bn254_join_heads(const u64* begins, u64 buckets, u64 length, const u64* heads, u64* sums) {
    const u64 first = static_cast<u64>(blockIdx.x) * blockDim.x;
    const Heads own = first + threadIdx.x < buckets ? Heads::of(begins + first + threadIdx.x, length) : Heads{};
    if (own.count > 0 && own.count <= kFewHeads) {
        u64* const target = sums + kPointWords * (first + threadIdx.x);
        Point sum = Point::load(target);
#pragma unroll 1
        for (u64 at = 0; at < own.count; ++at) sum = sum + Point::load(heads + kPointWords * (own.first + at));
        sum.store(target);
    }
#pragma unroll 1
    for (u64 bucket = first; bucket < first + blockDim.x && bucket < buckets; ++bucket) {
        const Heads many = Heads::of(begins + bucket, length);
        if (many.count <= kFewHeads) continue;
        Point sum = Point::infinity();
#pragma unroll 1
        for (u64 at = threadIdx.x; at < many.count; at += blockDim.x)
            sum = sum + Point::load(heads + kPointWords * (many.first + at));
        // What the last sum was added up from may be overwritten.
        __syncthreads();
        sum = block_sum(sum, many.count);
        if (threadIdx.x != 0) continue;
        u64* const target = sums + kPointWords * bucket;
        (Point::load(target) + sum).store(target);
    }
}

// bn254_reduce_buckets
// Computes: the sum of (b + 1) times bucket b of a window, for the buckets of a block.
// Layout:   begins and sums as before -> partial sums (windows, gridDim.x, 16).
// Launch:   one thread for `length` neighbouring buckets, block of 64, with 8 * 16 * 64 bytes of shared memory; a window per
//           blockIdx.y.
// Moves:    128 bytes per bucket.
// Does:     two additions of 14 products per bucket, and 2 log2(buckets) more per thread.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(64)
    bn254_reduce_buckets(const u64* begins, const u64* sums, u64 buckets, u64 length, u64* partial) {
    const u64 first = global_thread() * length;
    const u64 window = blockIdx.y * buckets;
    // Bucket first + k has the weight first + 1 + k: it is in the last k + 1 of the running sums and `first` times more.
    Point running = Point::infinity();
    Point weighted = Point::infinity();
#pragma unroll 1
    for (u64 k = length; k-- > 0;) {
        const u64 bucket = window + first + k;
        if (first + k < buckets && begins[bucket] != begins[bucket + 1])
            running = running + Point::load(sums + kPointWords * bucket);
        weighted = weighted + running;
    }
    const Point sum = block_sum(weighted + running.times(first), blockDim.x);
    if (threadIdx.x == 0) sum.store(partial + kPointWords * (static_cast<u64>(blockIdx.y) * gridDim.x + blockIdx.x));
}

// bn254_sum_partials
// Computes: the sums of every window's partial sums.
// Layout:   partial (windows, length, 16) -> sums (windows, 16).
// Launch:   one block of 64 threads per window, with 8 * 16 * 64 bytes of shared memory.
// Moves:    128 bytes per partial sum.
// Does:     an addition of 14 products per partial sum.
// Limit:    latency.
extern "C" __global__ void __launch_bounds__(64) bn254_sum_partials(const u64* partial, u64 length, u64* sums) {
    Point sum = Point::infinity();
#pragma unroll 1
    for (u64 i = threadIdx.x; i < length; i += blockDim.x)
        sum = sum + Point::load(partial + kPointWords * (blockIdx.x * length + i));
    sum = block_sum(sum, length);
    if (threadIdx.x == 0) sum.store(sums + kPointWords * blockIdx.x);
}

// bn254_join_windows
// Computes: the sum of 2^(bits w) times window w, affine.
// Layout:   sums (windows, 16) -> out (8).
// Launch:   one thread.
// Does:     127 doublings of nine products, and an inversion, one after the other.
// Limit:    latency: most of a millisecond, however many points there are.
extern "C" __global__ void __launch_bounds__(64)
    bn254_join_windows(const u64* sums, u64 windows, u64 bits, u64* out) {
    Point total = Point::infinity();
#pragma unroll 1
    for (u64 window = windows; window-- > 0;) {
#pragma unroll 1
        for (u64 i = 0; i < bits; ++i) total = total.doubled();
        total = total + Point::load(sums + kPointWords * window);
    }
    total.to_affine().store(out);
}
