// The Goldilocks field, p = 2^64 - 2^32 + 1, one element per thread.
//
// Two kinds of numbers: an `Fp` is canonical (below p) at all times; functions named `..._loose` take or give any
// 64-bit representative, which saves a comparison where only the end of a chain is stored. What carries is written in
// PTX, because the compiler does not use the carry flag of 64-bit sums; the portable twins run in the emulation and on
// the host, and a test interprets the PTX and compares the two.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gpu {

using u64 = unsigned long long;
using u32 = unsigned int;

inline constexpr u64 kPrime = 0xffffffff00000001ULL;
// 2^64 mod p.
inline constexpr u64 kEpsilon = 0xffffffffULL;

__device__ __forceinline__ u32 low_half(u64 x) { return static_cast<u32>(x); }
__device__ __forceinline__ u32 high_half(u64 x) { return static_cast<u32>(x >> 32); }
__device__ __forceinline__ u64 join_halves(u32 low, u32 high) { return static_cast<u64>(high) << 32 | low; }

// `number` when the condition holds, else 0. Conditions on field elements are as good as random: no branch may follow.
__device__ __forceinline__ u64 when(bool condition, u64 number) { return number & (0 - static_cast<u64>(condition)); }

// Hardly any number is as large as p, so a branch costs nothing here.
__device__ __forceinline__ u64 canonical(u64 x) { return x >= kPrime ? x - kPrime : x; }

// a + b for any a and b canonical. One correction is enough: a + b < 2^64 + p.
__device__ __forceinline__ u64 add_loose(u64 a, u64 b) {
#ifdef __CUDA_ARCH__
    u32 low;
    u32 high;
    asm("{\n"
        ".reg .u32 c;\n"
        "add.cc.u32 %0, %2, %4;\n"
        "addc.cc.u32 %1, %3, %5;\n"
        "addc.u32 c, 0, 0;\n"
        "sub.u32 c, 0, c;\n"
        "add.cc.u32 %0, %0, c;\n"
        "addc.u32 %1, %1, 0;\n"
        "}"
        : "=&r"(low), "=&r"(high)
        : "r"(low_half(a)), "r"(high_half(a)), "r"(low_half(b)), "r"(high_half(b)));
    return join_halves(low, high);
#else
    const u64 sum = a + b;
    return sum + when(sum < a, kEpsilon);
#endif
}

// a - b for any a and b canonical. One correction is enough: a - b + 2^64 > 2^32 - 1.
__device__ __forceinline__ u64 subtract_loose(u64 a, u64 b) {
#ifdef __CUDA_ARCH__
    u32 low;
    u32 high;
    asm("{\n"
        ".reg .u32 c;\n"
        "sub.cc.u32 %0, %2, %4;\n"
        "subc.cc.u32 %1, %3, %5;\n"
        "subc.u32 c, 0, 0;\n"
        "sub.cc.u32 %0, %0, c;\n"
        "subc.u32 %1, %1, 0;\n"
        "}"
        : "=&r"(low), "=&r"(high)
        : "r"(low_half(a)), "r"(high_half(a)), "r"(low_half(b)), "r"(high_half(b)));
    return join_halves(low, high);
#else
    const u64 difference = a - b;
    return difference - when(a < b, kEpsilon);
#endif
}

// low + 2^64 high for high below 2^32.
__device__ __forceinline__ u64 reduce96_loose(u64 low, u32 high) {
#ifdef __CUDA_ARCH__
    u32 r0;
    u32 r1;
    asm("{\n"
        ".reg .u32 c;\n"
        "mad.lo.cc.u32 %0, %4, 0xffffffff, %2;\n"
        "madc.hi.cc.u32 %1, %4, 0xffffffff, %3;\n"
        "addc.u32 c, 0, 0;\n"
        "sub.u32 c, 0, c;\n"
        "add.cc.u32 %0, %0, c;\n"
        "addc.u32 %1, %1, 0;\n"
        "}"
        : "=&r"(r0), "=&r"(r1)
        : "r"(low_half(low)), "r"(high_half(low)), "r"(high));
    return join_halves(r0, r1);
#else
    const u64 folded = high * kEpsilon;
    const u64 sum = low + folded;
    return sum + when(sum < low, kEpsilon);
#endif
}

// low + 2^64 high: 2^64 = 2^32 - 1 and 2^96 = -1.
__device__ __forceinline__ u64 reduce128_loose(u64 low, u64 high) {
    const u64 top = high >> 32;
    u64 t = low - top;
    if (low < top) t -= kEpsilon;
    return reduce96_loose(t, static_cast<u32>(high));
}

// a b for any a and b, 19 instructions on sm_90: four 32-bit products in a carry chain, then 2^64 r2 = r2 (2^32 - 1) and
// 2^96 r3 = -r3.
__device__ __forceinline__ u64 multiply_loose(u64 a, u64 b) {
#ifdef __CUDA_ARCH__
    u32 low;
    u32 high;
    asm("{\n"
        ".reg .u32 r2, r3, c;\n"
        "mul.lo.u32 %0, %2, %4;\n"
        "mul.hi.u32 %1, %2, %4;\n"
        "mul.lo.u32 r2, %3, %5;\n"
        "mul.hi.u32 r3, %3, %5;\n"
        "mad.lo.cc.u32 %1, %2, %5, %1;\n"
        "madc.hi.cc.u32 r2, %2, %5, r2;\n"
        "addc.u32 r3, r3, 0;\n"
        "mad.lo.cc.u32 %1, %3, %4, %1;\n"
        "madc.hi.cc.u32 r2, %3, %4, r2;\n"
        "addc.u32 r3, r3, 0;\n"
        "sub.cc.u32 %0, %0, r3;\n"
        "subc.cc.u32 %1, %1, 0;\n"
        "subc.u32 c, 0, 0;\n"
        "sub.cc.u32 %0, %0, c;\n"
        "subc.u32 %1, %1, 0;\n"
        "mad.lo.cc.u32 %0, r2, 0xffffffff, %0;\n"
        "madc.hi.cc.u32 %1, r2, 0xffffffff, %1;\n"
        "addc.u32 c, 0, 0;\n"
        "sub.u32 c, 0, c;\n"
        "add.cc.u32 %0, %0, c;\n"
        "addc.u32 %1, %1, 0;\n"
        "}"
        : "=&r"(low), "=&r"(high)
        : "r"(low_half(a)), "r"(high_half(a)), "r"(low_half(b)), "r"(high_half(b)));
    return join_halves(low, high);
#else
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return reduce128_loose(static_cast<u64>(product), static_cast<u64>(product >> 64));
#endif
}

// x 2^bits for any x, bits below 96.
template <u32 bits>
__device__ __forceinline__ u64 shift_loose(u64 x) {
    static_assert(bits < 96);
    if constexpr (bits == 0) {
        return x;
    } else if constexpr (bits <= 32) {
        return reduce96_loose(x << bits, static_cast<u32>(x >> (64 - bits)));
    } else if constexpr (bits < 64) {
        const u64 high = x >> (64 - bits);
        return reduce96_loose(subtract_loose(x << bits, high >> 32), static_cast<u32>(high));
    } else {
        // The low 96 - bits bits of x move to 2^64 and above, the others to 2^96 = -1.
        const u64 moved = (x << (bits - 64) & kEpsilon) * kEpsilon;
        const u64 wrapped = x >> (96 - bits);
        const u64 difference = moved - wrapped;
        return difference - when(moved < wrapped, kEpsilon);
    }
}

// A sum of fewer than 2^32 numbers of any size, reduced once.
struct Wide {
    u64 low = 0;
    u32 high = 0;

    __device__ __forceinline__ Wide() {}
    __device__ __forceinline__ explicit Wide(u64 x) : low(x) {}
    __device__ __forceinline__ Wide(u64 x, u32 carry) : low(x), high(carry) {}
    friend __device__ __forceinline__ Wide operator+(Wide a, Wide b) {
#ifdef __CUDA_ARCH__
        u32 r0;
        u32 r1;
        u32 r2;
        asm("{\n"
            "add.cc.u32 %0, %3, %6;\n"
            "addc.cc.u32 %1, %4, %7;\n"
            "addc.u32 %2, %5, %8;\n"
            "}"
            : "=&r"(r0), "=&r"(r1), "=&r"(r2)
            : "r"(low_half(a.low)), "r"(high_half(a.low)), "r"(a.high), "r"(low_half(b.low)), "r"(high_half(b.low)),
              "r"(b.high));
        return {join_halves(r0, r1), r2};
#else
        const u64 sum = a.low + b.low;
        return {sum, a.high + b.high + (sum < a.low ? 1u : 0u)};
#endif
    }
    // For a sum that is not less than b.
    friend __device__ __forceinline__ Wide operator-(Wide a, u64 b) {
#ifdef __CUDA_ARCH__
        u32 r0;
        u32 r1;
        u32 r2;
        asm("{\n"
            "sub.cc.u32 %0, %3, %6;\n"
            "subc.cc.u32 %1, %4, %7;\n"
            "subc.u32 %2, %5, 0;\n"
            "}"
            : "=&r"(r0), "=&r"(r1), "=&r"(r2)
            : "r"(low_half(a.low)), "r"(high_half(a.low)), "r"(a.high), "r"(low_half(b)), "r"(high_half(b)));
        return {join_halves(r0, r1), r2};
#else
        return {a.low - b, a.high - (a.low < b ? 1u : 0u)};
#endif
    }
    __device__ __forceinline__ u64 loose() const { return reduce96_loose(low, high); }
};

// 5 p = 5 2^64 - 5 (2^32 - 1).
__device__ __forceinline__ Wide five_primes() { return {0 - 5 * kEpsilon, 4}; }

// An element; `value` is canonical.
struct Fp {
    u64 value;

    __device__ __forceinline__ Fp() : value(0) {}
    __device__ __forceinline__ explicit constexpr Fp(u64 canonical_value) : value(canonical_value) {}

    // a - (p - b): canonical, as a difference of canonical numbers is; p for b = 0 does no harm.
    friend __device__ __forceinline__ Fp operator+(Fp a, Fp b) {
        return Fp(subtract_loose(a.value, kPrime - b.value));
    }
    friend __device__ __forceinline__ Fp operator-(Fp a, Fp b) { return Fp(subtract_loose(a.value, b.value)); }
    friend __device__ __forceinline__ Fp operator*(Fp a, Fp b) {
        return Fp(canonical(multiply_loose(a.value, b.value)));
    }
    __device__ __forceinline__ Fp operator-() const { return Fp(when(value != 0, kPrime - value)); }
    __device__ __forceinline__ Fp& operator+=(Fp b) { return *this = *this + b; }
    __device__ __forceinline__ Fp& operator*=(Fp b) { return *this = *this * b; }

    __device__ __forceinline__ Fp square() const { return *this * *this; }
    __device__ Fp pow(u64 exponent) const {
        Fp base = *this;
        Fp result(1);
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1) result *= base;
            base = base.square();
        }
        return result;
    }

    // The inverse, zero for zero: x^(p - 2), p - 2 = 2^64 - 2^32 - 1, by 63 squarings and 9 products.
    __device__ Fp inverse() const {
        const Fp x2 = square() * *this;
        const Fp x3 = x2.square() * *this;
        const Fp x6 = x3.squared(3) * x3;
        const Fp x12 = x6.squared(6) * x6;
        const Fp x24 = x12.squared(12) * x12;
        const Fp x30 = x24.squared(6) * x6;
        const Fp x31 = x30.square() * *this;
        // 31 ones, a zero, 32 ones.
        return x31.squared(33) * (x31.square() * *this);
    }

    // this^(2^count).
    __device__ __forceinline__ Fp squared(u32 count) const {
        Fp result = *this;
        for (u32 i = 0; i < count; ++i) result = result.square();
        return result;
    }
};

}  // namespace gpu
