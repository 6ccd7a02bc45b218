// Sums of products with one reduction at the end.
#pragma once

#include "extension.cuh"

namespace gpu {

// A sum of fewer than 2^31 products of any two 64-bit numbers:
// low + 2^64 high + 2^128 carry + 2^32 (cross + 2^64 cross_carry). Products of halves of unlike weight are added up apart,
// so that a product is two chains of carries.
struct Products {
    u64 low = 0;
    u64 high = 0;
    u32 carry = 0;
    u64 cross = 0;
    u32 cross_carry = 0;

    __device__ __forceinline__ void add(u64 a, u64 b) {
#ifdef __CUDA_ARCH__
        u32 e0 = low_half(low);
        u32 e1 = high_half(low);
        u32 e2 = low_half(high);
        u32 e3 = high_half(high);
        u32 o0 = low_half(cross);
        u32 o1 = high_half(cross);
        asm("{\n"
            "mad.lo.cc.u32 %0, %8, %10, %0;\n"
            "madc.hi.cc.u32 %1, %8, %10, %1;\n"
            "madc.lo.cc.u32 %2, %9, %11, %2;\n"
            "madc.hi.cc.u32 %3, %9, %11, %3;\n"
            "addc.u32 %4, %4, 0;\n"
            "mad.lo.cc.u32 %5, %8, %11, %5;\n"
            "madc.hi.cc.u32 %6, %8, %11, %6;\n"
            "addc.u32 %7, %7, 0;\n"
            "mad.lo.cc.u32 %5, %9, %10, %5;\n"
            "madc.hi.cc.u32 %6, %9, %10, %6;\n"
            "addc.u32 %7, %7, 0;\n"
            "}"
            : "+&r"(e0), "+&r"(e1), "+&r"(e2), "+&r"(e3), "+&r"(carry), "+&r"(o0), "+&r"(o1), "+&r"(cross_carry)
            : "r"(low_half(a)), "r"(high_half(a)), "r"(low_half(b)), "r"(high_half(b)));
        low = join_halves(e0, e1);
        high = join_halves(e2, e3);
        cross = join_halves(o0, o1);
#else
        using u128 = unsigned __int128;
        const u128 straight = u128{low_half(a)} * low_half(b) + (u128{high_half(a)} * high_half(b) << 64);
        const u128 sum = (u128{high} << 64 | low) + straight;
        carry += sum < straight ? 1u : 0u;
        low = static_cast<u64>(sum);
        high = static_cast<u64>(sum >> 64);
        const u128 crossed = u128{low_half(a)} * high_half(b) + u128{high_half(a)} * low_half(b) + cross;
        cross = static_cast<u64>(crossed);
        cross_carry += static_cast<u32>(crossed >> 64);
#endif
    }

    // 2^128 = -2^32.
    __device__ __forceinline__ Fp reduce() const {
#ifdef __CUDA_ARCH__
        u32 e1 = high_half(low);
        u32 e2 = low_half(high);
        u32 e3 = high_half(high);
        u32 e4 = carry;
        asm("{\n"
            "add.cc.u32 %0, %0, %4;\n"
            "addc.cc.u32 %1, %1, %5;\n"
            "addc.cc.u32 %2, %2, %6;\n"
            "addc.u32 %3, %3, 0;\n"
            "}"
            : "+&r"(e1), "+&r"(e2), "+&r"(e3), "+&r"(e4)
            : "r"(low_half(cross)), "r"(high_half(cross)), "r"(cross_carry));
        const u64 bottom = join_halves(low_half(low), e1);
        const u64 middle = join_halves(e2, e3);
        const u32 top = e4;
#else
        using u128 = unsigned __int128;
        const u128 upper = (u128{high} << 32 | high_half(low)) + (u128{cross_carry} << 64 | cross);
        const u64 bottom = join_halves(low_half(low), static_cast<u32>(upper));
        const u64 middle = static_cast<u64>(upper >> 32);
        const u32 top = carry + static_cast<u32>(upper >> 96);
#endif
        return Fp(canonical(subtract_loose(reduce128_loose(bottom, middle), join_halves(0, top))));
    }
};

// A sum of products of base elements with extension elements, or of two extension elements' coefficients.
struct ExtProducts {
    Products c[3];

    __device__ __forceinline__ void add(Fp a, const Ext& b) {
#pragma unroll
        for (u32 k = 0; k < 3; ++k) c[k].add(a.value, b.c[k].value);
    }
    // x^3 = x + 1 folded into the second factor.
    __device__ __forceinline__ void add(const Ext& a, const Ext& b) {
        const Fp b02 = b.c[0] + b.c[2];
        const Fp b12 = b.c[1] + b.c[2];
        add(a.c[0], b);
        add(a.c[1], {b.c[2], b02, b.c[1]});
        add(a.c[2], {b.c[1], b12, b02});
    }
    __device__ __forceinline__ Ext reduce() const { return {c[0].reduce(), c[1].reduce(), c[2].reduce()}; }
};

// a b by nine products and three reductions.
__device__ __forceinline__ Ext multiply(const Ext& a, const Ext& b) {
    ExtProducts sum;
    sum.add(a, b);
    return sum.reduce();
}

}  // namespace gpu
