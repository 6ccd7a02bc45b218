// Arrays of BN254 field elements. `field` is 0 for Fr and 1 for Fq, as in the native library.
#include "bn254.cuh"

namespace {

using namespace gpu;
using namespace gpu::bn254;

// Elements that a thread inverts with one exponentiation.
constexpr u32 kTogether = 16;

// An array, or with step 0 one element that is the same everywhere.
template <class F>
__device__ __forceinline__ F operand(const u64* elements, u64 step, u64 at) {
    return F::load(elements + kWords * step * at);
}

enum class Operation { add, subtract, multiply };

template <Operation operation, class F>
__device__ __forceinline__ void apply(const u64* a, u64 a_step, const u64* b, u64 b_step, u64* out, u64 count) {
    const u64 at = global_thread();
    if (at >= count) return;
    const F x = operand<F>(a, a_step, at);
    const F y = operand<F>(b, b_step, at);
    const F result = operation == Operation::add ? x + y : operation == Operation::subtract ? x - y : x * y;
    result.store(out + kWords * at);
}

template <Operation operation>
__device__ __forceinline__ void apply_in(u64 field, const u64* a, u64 a_step, const u64* b, u64 b_step, u64* out,
                                         u64 count) {
    if (field == 0) {
        apply<operation, Fr>(a, a_step, b, b_step, out, count);
    } else {
        apply<operation, Fq>(a, a_step, b, b_step, out, count);
    }
}

// Prefix products wait in `out` until the way back.
template <class F>
__device__ __forceinline__ void invert_run(const u64* in, u64* out, u64 count) {
    const u64 first = static_cast<u64>(blockIdx.x) * blockDim.x * kTogether + threadIdx.x;
    F product = F::one();
#pragma unroll 1
    for (u32 i = 0; i < kTogether; ++i) {
        const u64 at = first + static_cast<u64>(i) * blockDim.x;
        if (at >= count) break;
        product.store(out + kWords * at);
        const F x = F::load(in + kWords * at);
        if (!x.is_zero()) product = product * x;
    }
    F suffix = product.inverse();
#pragma unroll 1
    for (u32 i = kTogether; i-- > 0;) {
        const u64 at = first + static_cast<u64>(i) * blockDim.x;
        if (at >= count) continue;
        const F x = F::load(in + kWords * at);
        if (x.is_zero()) {
            F::zero().store(out + kWords * at);
        } else {
            (suffix * F::load(out + kWords * at)).store(out + kWords * at);
            suffix = suffix * x;
        }
    }
}

}  // namespace

// bn254_add, bn254_subtract, bn254_multiply
// Computes: a + b, a - b, a b. Times R^2 is the way into Montgomery form, times the limbs 1 the way out.
// Layout:   a, b, out (count, 4); an operand with step 0 is one element, with step 1 an array. out may be a or b.
// Launch:   one thread per element, block of 128.
// Moves:    96 bytes per element.
// Does:     32 or so instructions for a sum or difference, about 310 for a product: 128 pairs of multiply-adds for 64
//           products of limbs and 64 of the reduction.
// Limit:    memory for sums, instruction issue for products.
extern "C" __global__ void __launch_bounds__(128)
    bn254_add(u64 field, const u64* a, u64 a_step, const u64* b, u64 b_step, u64* out, u64 count) {
    apply_in<Operation::add>(field, a, a_step, b, b_step, out, count);
}

extern "C" __global__ void __launch_bounds__(128)
    bn254_subtract(u64 field, const u64* a, u64 a_step, const u64* b, u64 b_step, u64* out, u64 count) {
    apply_in<Operation::subtract>(field, a, a_step, b, b_step, out, count);
}

extern "C" __global__ void __launch_bounds__(128)
    bn254_multiply(u64 field, const u64* a, u64 a_step, const u64* b, u64 b_step, u64* out, u64 count) {
    apply_in<Operation::multiply>(field, a, a_step, b, b_step, out, count);
}

// bn254_invert
// Computes: the inverses, zero for zero, by Montgomery's trick.
// Layout:   in, out (count, 4); they are two arrays.
// Launch:   16 elements per thread, a block's width apart, block of 128.
// Moves:    160 bytes per element.
// Does:     4 products per element and about 370 per thread: 27 per element.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128) bn254_invert(u64 field, const u64* in, u64* out, u64 count) {
    if (field == 0) {
        invert_run<Fr>(in, out, count);
    } else {
        invert_run<Fq>(in, out, count);
    }
}
