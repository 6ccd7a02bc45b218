// The cubic extension F[x]/(x^3 - x - 1).
#pragma once

#include "goldilocks.cuh"

namespace gpu {

struct Ext {
    Fp c[3];

    __device__ __forceinline__ Ext() {}
    __device__ __forceinline__ Ext(Fp c0, Fp c1, Fp c2) : c{c0, c1, c2} {}

    // Coefficients `stride` elements apart.
    static __device__ __forceinline__ Ext load(const u64* source, u64 stride) {
        return {Fp(source[0]), Fp(source[stride]), Fp(source[2 * stride])};
    }
    __device__ __forceinline__ void store(u64* target, u64 stride) const {
        target[0] = c[0].value;
        target[stride] = c[1].value;
        target[2 * stride] = c[2].value;
    }

    friend __device__ __forceinline__ Ext operator+(const Ext& a, const Ext& b) {
        return {a.c[0] + b.c[0], a.c[1] + b.c[1], a.c[2] + b.c[2]};
    }
    friend __device__ __forceinline__ Ext operator-(const Ext& a, const Ext& b) {
        return {a.c[0] - b.c[0], a.c[1] - b.c[1], a.c[2] - b.c[2]};
    }
    friend __device__ __forceinline__ Ext operator+(const Ext& a, Fp b) { return {a.c[0] + b, a.c[1], a.c[2]}; }
    friend __device__ __forceinline__ Ext operator-(const Ext& a, Fp b) { return {a.c[0] - b, a.c[1], a.c[2]}; }
    friend __device__ __forceinline__ Ext operator*(const Ext& a, Fp b) {
        return {a.c[0] * b, a.c[1] * b, a.c[2] * b};
    }
    // Six products; x^3 = x + 1 and x^4 = x^2 + x.
    friend __device__ __forceinline__ Ext operator*(const Ext& a, const Ext& b) {
        const Fp m0 = a.c[0] * b.c[0];
        const Fp m1 = a.c[1] * b.c[1];
        const Fp m2 = a.c[2] * b.c[2];
        const Fp d1 = (a.c[0] + a.c[1]) * (b.c[0] + b.c[1]) - m0 - m1;
        const Fp d2 = (a.c[0] + a.c[2]) * (b.c[0] + b.c[2]) - m0 - m2 + m1;
        const Fp d3 = (a.c[1] + a.c[2]) * (b.c[1] + b.c[2]) - m1 - m2;
        return {m0 + d3, d1 + d3 + m2, d2 + m2};
    }

    // The first column of the adjugate of the matrix of multiplication by this element; the inverse is
    // adjugate / determinant.
    __device__ __forceinline__ Ext adjugate() const {
        const Fp s = c[0] + c[2];
        const Fp t = c[1] + c[2];
        return {s * s - t * c[1], t * c[2] - c[1] * s, c[1] * c[1] - s * c[2]};
    }
    __device__ __forceinline__ Fp determinant(const Ext& adjugate) const {
        return c[0] * adjugate.c[0] + c[2] * adjugate.c[1] + c[1] * adjugate.c[2];
    }
};

}  // namespace gpu
