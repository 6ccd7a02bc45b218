// The two prime fields of BN254, one element per thread: Fr, the scalars, and Fq, the coordinates of points.
//
// Elements are as in the native library: Montgomery form with R = 2^256, canonical, in memory four 64-bit limbs, the lowest
// first; in registers eight limbs of 32 bits. What carries is written in PTX with portable twins, as in goldilocks.cuh;
// a chain never leaves its block, because only within one the carry flag is sure to last.
#pragma once

#include "bn254/field.hpp"
#include "launch.cuh"

namespace gpu::bn254 {

namespace host = hm::bn254;

inline constexpr u32 kLimbs = 8;
// Words of an element in memory.
inline constexpr u32 kWords = 4;

struct Limbs {
    u32 limb[kLimbs] = {};

    __device__ __forceinline__ constexpr u32& operator[](u32 i) { return limb[i]; }
    __device__ __forceinline__ constexpr u32 operator[](u32 i) const { return limb[i]; }
};

__device__ constexpr Limbs narrow(const host::Limbs& wide) {
    Limbs result;
    for (u32 i = 0; i < kWords; ++i) {
        result.limb[2 * i] = static_cast<u32>(wide.limb[i]);
        result.limb[2 * i + 1] = static_cast<u32>(wide.limb[i] >> 32);
    }
    return result;
}

// a += b, below 2^256.
__device__ __forceinline__ void add_limbs(Limbs& a, const Limbs& b) {
#ifdef __CUDA_ARCH__
    asm("{\n"
        "add.cc.u32 %0, %0, %8;\n"
        "addc.cc.u32 %1, %1, %9;\n"
        "addc.cc.u32 %2, %2, %10;\n"
        "addc.cc.u32 %3, %3, %11;\n"
        "addc.cc.u32 %4, %4, %12;\n"
        "addc.cc.u32 %5, %5, %13;\n"
        "addc.cc.u32 %6, %6, %14;\n"
        "addc.u32 %7, %7, %15;\n"
        "}"
        : "+&r"(a[0]), "+&r"(a[1]), "+&r"(a[2]), "+&r"(a[3]), "+&r"(a[4]), "+&r"(a[5]), "+&r"(a[6]), "+&r"(a[7])
        : "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(b[4]), "r"(b[5]), "r"(b[6]), "r"(b[7]));
#else
    u64 carry = 0;
    for (u32 i = 0; i < kLimbs; ++i) {
        carry += static_cast<u64>(a[i]) + b[i];
        a[i] = static_cast<u32>(carry);
        carry >>= 32;
    }
#endif
}

// a -= b modulo 2^256; returns all ones where a < b, else zero.
__device__ __forceinline__ u32 subtract_limbs(Limbs& a, const Limbs& b) {
#ifdef __CUDA_ARCH__
    u32 mask;
    asm("{\n"
        "sub.cc.u32 %0, %0, %9;\n"
        "subc.cc.u32 %1, %1, %10;\n"
        "subc.cc.u32 %2, %2, %11;\n"
        "subc.cc.u32 %3, %3, %12;\n"
        "subc.cc.u32 %4, %4, %13;\n"
        "subc.cc.u32 %5, %5, %14;\n"
        "subc.cc.u32 %6, %6, %15;\n"
        "subc.cc.u32 %7, %7, %16;\n"
        "subc.u32 %8, 0, 0;\n"
        "}"
        : "+&r"(a[0]), "+&r"(a[1]), "+&r"(a[2]), "+&r"(a[3]), "+&r"(a[4]), "+&r"(a[5]), "+&r"(a[6]),
          "+&r"(a[7]), "=&r"(mask)
        : "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(b[4]), "r"(b[5]), "r"(b[6]), "r"(b[7]));
    return mask;
#else
    u64 borrow = 0;
    for (u32 i = 0; i < kLimbs; ++i) {
        const u64 difference = static_cast<u64>(a[i]) - b[i] - borrow;
        a[i] = static_cast<u32>(difference);
        borrow = difference >> 63;
    }
    return 0 - static_cast<u32>(borrow);
#endif
}

// A number even + 2^32 odd below 2^288 in two rows, so that the two halves of a product with a limb land on neighbouring
// limbs: += a b. The products with even limbs carry out of their row into the top of the other.
__device__ __forceinline__ void add_row(Limbs& even, Limbs& odd, const Limbs& a, u32 b) {
#ifdef __CUDA_ARCH__
    asm("{\n"
        "mad.lo.cc.u32 %8, %17, %24, %8;\n"
        "madc.hi.cc.u32 %9, %17, %24, %9;\n"
        "madc.lo.cc.u32 %10, %19, %24, %10;\n"
        "madc.hi.cc.u32 %11, %19, %24, %11;\n"
        "madc.lo.cc.u32 %12, %21, %24, %12;\n"
        "madc.hi.cc.u32 %13, %21, %24, %13;\n"
        "madc.lo.cc.u32 %14, %23, %24, %14;\n"
        "madc.hi.u32 %15, %23, %24, %15;\n"
        "mad.lo.cc.u32 %0, %16, %24, %0;\n"
        "madc.hi.cc.u32 %1, %16, %24, %1;\n"
        "madc.lo.cc.u32 %2, %18, %24, %2;\n"
        "madc.hi.cc.u32 %3, %18, %24, %3;\n"
        "madc.lo.cc.u32 %4, %20, %24, %4;\n"
        "madc.hi.cc.u32 %5, %20, %24, %5;\n"
        "madc.lo.cc.u32 %6, %22, %24, %6;\n"
        "madc.hi.cc.u32 %7, %22, %24, %7;\n"
        "addc.u32 %15, %15, 0;\n"
        "}"
        : "+&r"(even[0]), "+&r"(even[1]), "+&r"(even[2]), "+&r"(even[3]), "+&r"(even[4]), "+&r"(even[5]),
          "+&r"(even[6]), "+&r"(even[7]), "+&r"(odd[0]), "+&r"(odd[1]), "+&r"(odd[2]), "+&r"(odd[3]),
          "+&r"(odd[4]), "+&r"(odd[5]), "+&r"(odd[6]), "+&r"(odd[7])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(a[4]), "r"(a[5]), "r"(a[6]), "r"(a[7]), "r"(b));
#else
    u64 carry = 0;
    for (u32 i = 0; i < kLimbs; i += 2) {
        const u64 low = static_cast<u64>(a[i + 1]) * b + odd[i] + carry;
        const u64 high = static_cast<u64>(odd[i + 1]) + (low >> 32);
        odd[i] = static_cast<u32>(low);
        odd[i + 1] = static_cast<u32>(high);
        carry = high >> 32;
    }
    carry = 0;
    for (u32 i = 0; i < kLimbs; i += 2) {
        const u64 low = static_cast<u64>(a[i]) * b + even[i] + carry;
        const u64 high = static_cast<u64>(even[i + 1]) + (low >> 32);
        even[i] = static_cast<u32>(low);
        even[i + 1] = static_cast<u32>(high);
        carry = high >> 32;
    }
    odd[kLimbs - 1] += static_cast<u32>(carry);
#endif
}

// += low + a b.
__device__ __forceinline__ void add_row_and_low(Limbs& even, Limbs& odd, const Limbs& a, u32 b, u32 low) {
#ifdef __CUDA_ARCH__
    asm("{\n"
        "add.cc.u32 %0, %0, %25;\n"
        "madc.lo.cc.u32 %8, %17, %24, %8;\n"
        "madc.hi.cc.u32 %9, %17, %24, %9;\n"
        "madc.lo.cc.u32 %10, %19, %24, %10;\n"
        "madc.hi.cc.u32 %11, %19, %24, %11;\n"
        "madc.lo.cc.u32 %12, %21, %24, %12;\n"
        "madc.hi.cc.u32 %13, %21, %24, %13;\n"
        "madc.lo.cc.u32 %14, %23, %24, %14;\n"
        "madc.hi.u32 %15, %23, %24, %15;\n"
        "mad.lo.cc.u32 %0, %16, %24, %0;\n"
        "madc.hi.cc.u32 %1, %16, %24, %1;\n"
        "madc.lo.cc.u32 %2, %18, %24, %2;\n"
        "madc.hi.cc.u32 %3, %18, %24, %3;\n"
        "madc.lo.cc.u32 %4, %20, %24, %4;\n"
        "madc.hi.cc.u32 %5, %20, %24, %5;\n"
        "madc.lo.cc.u32 %6, %22, %24, %6;\n"
        "madc.hi.cc.u32 %7, %22, %24, %7;\n"
        "addc.u32 %15, %15, 0;\n"
        "}"
        : "+&r"(even[0]), "+&r"(even[1]), "+&r"(even[2]), "+&r"(even[3]), "+&r"(even[4]), "+&r"(even[5]),
          "+&r"(even[6]), "+&r"(even[7]), "+&r"(odd[0]), "+&r"(odd[1]), "+&r"(odd[2]), "+&r"(odd[3]),
          "+&r"(odd[4]), "+&r"(odd[5]), "+&r"(odd[6]), "+&r"(odd[7])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(a[4]), "r"(a[5]), "r"(a[6]), "r"(a[7]), "r"(b),
          "r"(low));
#else
    u64 carry = static_cast<u64>(even[0]) + low;
    even[0] = static_cast<u32>(carry);
    carry >>= 32;
    for (u32 i = 0; i < kLimbs && carry != 0; ++i) {
        carry += odd[i];
        odd[i] = static_cast<u32>(carry);
        carry >>= 32;
    }
    add_row(even, odd, a, b);
#endif
}

// even += low + 2^32 odd, below 2^256.
__device__ __forceinline__ void join_rows(Limbs& even, const Limbs& odd, u32 low) {
#ifdef __CUDA_ARCH__
    asm("{\n"
        "add.cc.u32 %0, %0, %8;\n"
        "addc.cc.u32 %1, %1, %9;\n"
        "addc.cc.u32 %2, %2, %10;\n"
        "addc.cc.u32 %3, %3, %11;\n"
        "addc.cc.u32 %4, %4, %12;\n"
        "addc.cc.u32 %5, %5, %13;\n"
        "addc.cc.u32 %6, %6, %14;\n"
        "addc.u32 %7, %7, %15;\n"
        "}"
        : "+&r"(even[0]), "+&r"(even[1]), "+&r"(even[2]), "+&r"(even[3]), "+&r"(even[4]), "+&r"(even[5]),
          "+&r"(even[6]), "+&r"(even[7])
        : "r"(low), "r"(odd[0]), "r"(odd[1]), "r"(odd[2]), "r"(odd[3]), "r"(odd[4]), "r"(odd[5]), "r"(odd[6]));
#else
    u64 carry = static_cast<u64>(even[0]) + low;
    even[0] = static_cast<u32>(carry);
    for (u32 i = 1; i < kLimbs; ++i) {
        carry = (carry >> 32) + even[i] + odd[i - 1];
        even[i] = static_cast<u32>(carry);
    }
#endif
}

// An element of the field that a parameter of the native library names.
template <class Parameters>
struct Field {
    Limbs value;

    static __device__ __forceinline__ Limbs modulus() {
        constexpr Limbs number = narrow(Parameters::kModulus);
        return number;
    }
    static __device__ __forceinline__ Field zero() { return {}; }
    static __device__ __forceinline__ Field one() {
        constexpr Limbs number = narrow(host::Field<Parameters>::one().value);
        return {number};
    }

    static __device__ __forceinline__ Field load(const u64* source) {
        Field result;
#pragma unroll
        for (u32 i = 0; i < kWords; i += 2) {
            const Pair pair = *reinterpret_cast<const Pair*>(source + i);
            result.value[2 * i] = low_half(pair.low);
            result.value[2 * i + 1] = high_half(pair.low);
            result.value[2 * i + 2] = low_half(pair.high);
            result.value[2 * i + 3] = high_half(pair.high);
        }
        return result;
    }
    __device__ __forceinline__ u64 word(u32 i) const { return join_halves(value[2 * i], value[2 * i + 1]); }
    __device__ __forceinline__ void store(u64* target) const {
#pragma unroll
        for (u32 i = 0; i < kWords; i += 2) *reinterpret_cast<Pair*>(target + i) = {word(i), word(i + 1)};
    }

    __device__ __forceinline__ bool is_zero() const {
        u32 any = 0;
#pragma unroll
        for (u32 i = 0; i < kLimbs; ++i) any |= value[i];
        return any == 0;
    }

    friend __device__ __forceinline__ Field operator+(const Field& a, const Field& b) {
        Limbs sum = a.value;
        add_limbs(sum, b.value);
        return reduced_once(sum);
    }
    friend __device__ __forceinline__ Field operator-(const Field& a, const Field& b) {
        Limbs difference = a.value;
        const u32 mask = subtract_limbs(difference, b.value);
        Limbs correction = modulus();
#pragma unroll
        for (u32 i = 0; i < kLimbs; ++i) correction[i] &= mask;
        add_limbs(difference, correction);
        return {difference};
    }
    // Limb by limb of b: += a b_i, += m p so that the lowest limb vanishes, / 2^32. With a and the number below 2p it stays
    // below 2^288 before each division and below 2p after.
    friend __device__ __forceinline__ Field operator*(const Field& a, const Field& b) {
        constexpr u32 negative_inverse = static_cast<u32>(host::Field<Parameters>::kNegativeInverse);
        const Limbs p = modulus();
        Limbs even;
        Limbs odd;
        u32 low = 0;
#pragma unroll
        for (u32 i = 0; i < kLimbs; ++i) {
            add_row_and_low(even, odd, a.value, b.value[i], low);
            add_row(even, odd, p, even[0] * negative_inverse);
            low = even[1];
            // The odd row is the new even one; what is left of the even one is two limbs lower than it was.
            Limbs rest;
#pragma unroll
            for (u32 k = 2; k < kLimbs; ++k) rest[k - 2] = even[k];
            even = odd;
            odd = rest;
        }
        join_rows(even, odd, low);
        return reduced_once(even);
    }

    __device__ __forceinline__ Field operator-() const { return zero() - *this; }
    __device__ __forceinline__ Field doubled() const { return *this + *this; }
    __device__ __forceinline__ Field square() const { return *this * *this; }

    // Out of Montgomery form: canonical limbs.
    __device__ __forceinline__ Field left() const {
        Field one;
        one.value[0] = 1;
        return *this * one;
    }

    __device__ Field pow(u64 exponent) const {
        Field base = *this;
        Field result = one();
#pragma unroll 1
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1) result = result * base;
            base = base.square();
        }
        return result;
    }

    // The inverse, zero for zero: x^(p - 2).
    __device__ Field inverse() const {
        // p is odd and its lowest limb more than 2, so only that limb changes.
        Limbs exponent = modulus();
        exponent[0] -= 2;
        Field result = one();
#pragma unroll 1
        for (u32 i = 0; i < 32 * kLimbs; ++i) {
            result = result.square();
            if (exponent[kLimbs - 1] >> 31) result = result * *this;
#pragma unroll
            for (u32 k = kLimbs - 1; k > 0; --k) exponent[k] = exponent[k] << 1 | exponent[k - 1] >> 31;
            exponent[0] <<= 1;
        }
        return result;
    }

  private:
    // Two words that move together.
    struct alignas(16) Pair {
        u64 low, high;
    };

    // x - p unless that is negative.
    static __device__ __forceinline__ Field reduced_once(const Limbs& x) {
        Limbs less = x;
        const u32 mask = subtract_limbs(less, modulus());
        Field result;
#pragma unroll
        for (u32 i = 0; i < kLimbs; ++i) result.value[i] = mask != 0 ? x[i] : less[i];
        return result;
    }
};

using Fr = Field<host::FrParameters>;
using Fq = Field<host::FqParameters>;

}  // namespace gpu::bn254
