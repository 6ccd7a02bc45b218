// Points of G1 of BN254, y^2 = x^3 + 3 over Fq, one per thread. The group's order is a prime, so no point has y = 0.
#pragma once

#include "bn254.cuh"

namespace gpu::bn254 {

// Words of an affine point and of one in extended coordinates.
inline constexpr u32 kAffineWords = 2 * kWords;
inline constexpr u32 kPointWords = 4 * kWords;

// (0, 0), which is not on the curve, stands for infinity.
struct Affine {
    Fq x, y;

    __device__ __forceinline__ void store(u64* target) const {
        x.store(target);
        y.store(target + kWords);
    }
    __device__ __forceinline__ bool is_infinity() const { return x.is_zero() && y.is_zero(); }
};

// Extended Jacobian coordinates: (x, y) = (X / ZZ, Y / ZZZ) with ZZ^3 = ZZZ^2; ZZ = 0 is infinity. Formulas are those of the
// Explicit-Formulas Database for short Weierstrass curves, XYZZ.
struct Point {
    Fq x, y, zz, zzz;

    static __device__ __forceinline__ Point infinity() { return {}; }
    static __device__ __forceinline__ Point load(const u64* source) {
        return {Fq::load(source), Fq::load(source + kWords), Fq::load(source + 2 * kWords), Fq::load(source + 3 * kWords)};
    }
    __device__ __forceinline__ void store(u64* target) const {
        x.store(target);
        y.store(target + kWords);
        zz.store(target + 2 * kWords);
        zzz.store(target + 3 * kWords);
    }
    __device__ __forceinline__ bool is_infinity() const { return zz.is_zero(); }

    // dbl-2008-s-1, which leaves infinity what it is.
    __device__ __forceinline__ Point doubled() const {
        const Fq u = y.doubled();
        const Fq v = u.square();
        const Fq w = u * v;
        const Fq s = x * v;
        const Fq square = x.square();
        const Fq m = square.doubled() + square;
        const Fq x3 = m.square() - s.doubled();
        return {x3, m * (s - x3) - w * y, v * zz, w * zzz};
    }

    // add-2008-s and madd-2008-s; equal points are doubled, opposite ones are infinity.
    friend __device__ __forceinline__ Point operator+(const Point& p, const Point& q) {
        if (p.is_infinity()) return q;
        if (q.is_infinity()) return p;
        const Fq u1 = p.x * q.zz;
        const Fq s1 = p.y * q.zzz;
        return p.plus(u1, s1, q.x * p.zz - u1, q.y * p.zzz - s1, p.zz * q.zz, p.zzz * q.zzz);
    }
    friend __device__ __forceinline__ Point operator+(const Point& p, const Affine& q) {
        if (q.is_infinity()) return p;
        if (p.is_infinity()) return {q.x, q.y, Fq::one(), Fq::one()};
        return p.plus(p.x, p.y, q.x * p.zz - p.x, q.y * p.zzz - p.y, p.zz, p.zzz);
    }

    // Number times this, for a number of few bits.
    __device__ __forceinline__ Point times(u64 number) const {
        Point result = infinity();
        u32 bits = 0;
        while (number >> bits != 0) ++bits;
#pragma unroll 1
        while (bits-- > 0) {
            result = result.doubled();
            if (number >> bits & 1) result = result + *this;
        }
        return result;
    }

    // 1 / ZZ = (ZZ / ZZZ)^2; infinity comes out as zeros.
    __device__ Affine to_affine() const {
        const Fq inverse = zzz.inverse();
        return {x * (zz * inverse).square(), y * inverse};
    }

  private:
    // This plus another point: both on common denominators as (u1, s1) and (u1 + h, s1 + r). A doubling differs in where it
    // begins and in one term, so both are one sequence of instructions.
    __device__ __forceinline__ Point plus(Fq u1, Fq s1, Fq h, Fq r, Fq zz2, Fq zzz2) const {
        const bool same_x = h.is_zero();
        if (same_x) {
            if (!r.is_zero()) return infinity();
            const Fq square = x.square();
            u1 = x;
            s1 = y;
            h = y.doubled();
            r = square.doubled() + square;
            zz2 = zz;
            zzz2 = zzz;
        }
        const Fq hh = h.square();
        const Fq hhh = h * hh;
        const Fq q = u1 * hh;
        Fq x3 = r.square() - q.doubled();
        if (!same_x) x3 = x3 - hhh;
        return {x3, r * (q - x3) - s1 * hhh, zz2 * hh, zzz2 * hhh};
    }
};

}  // namespace gpu::bn254
