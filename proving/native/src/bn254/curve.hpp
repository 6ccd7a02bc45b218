// Points of G1, y^2 = x^3 + 3 over Fq, one at a time. The group's order is the prime r: no point has y = 0.
#pragma once

#include "bn254/field.hpp"

namespace hm::bn254 {

inline constexpr size_t kPointLimbs = 2 * kLimbs;

// (0, 0), which is not on the curve, stands for infinity.
struct Affine {
    Fq x, y;

    static constexpr Affine load(const u64* source) { return {Fq::load(source), Fq::load(source + kLimbs)}; }
    constexpr void store(u64* target) const {
        x.store(target);
        y.store(target + kLimbs);
    }
    constexpr bool is_infinity() const { return x.is_zero() && y.is_zero(); }
    constexpr bool on_curve() const {
        return is_infinity() || y.square() == x.square() * x + Fq::from_u64(3);
    }
    constexpr Affine operator-() const { return {x, -y}; }
};

// (x, y) = (X / Z^2, Y / Z^3); Z = 0 is infinity.
struct Jacobian {
    Fq x, y, z;

    static constexpr Jacobian infinity() { return {Fq::one(), Fq::one(), Fq::zero()}; }
    static constexpr Jacobian from(const Affine& p) {
        return p.is_infinity() ? infinity() : Jacobian{p.x, p.y, Fq::one()};
    }
    constexpr bool is_infinity() const { return z.is_zero(); }

    // dbl-2009-l of the Explicit-Formulas Database.
    constexpr Jacobian doubled() const {
        const Fq a = x.square(), b = y.square(), c = b.square();
        const Fq d = ((x + b).square() - a - c).doubled();
        const Fq e = a.doubled() + a;
        const Fq x3 = e.square() - d.doubled();
        return {x3, e * (d - x3) - c.doubled().doubled().doubled(), (y * z).doubled()};
    }

    // add-2007-bl, with the cases it leaves out.
    friend constexpr Jacobian operator+(const Jacobian& p, const Jacobian& q) {
        if (p.is_infinity()) return q;
        if (q.is_infinity()) return p;
        const Fq pzz = p.z.square(), qzz = q.z.square();
        const Fq u1 = p.x * qzz, u2 = q.x * pzz;
        const Fq s1 = p.y * q.z * qzz, s2 = q.y * p.z * pzz;
        const Fq h = u2 - u1, r = (s2 - s1).doubled();
        if (h.is_zero()) return r.is_zero() ? p.doubled() : infinity();
        const Fq i = h.doubled().square(), j = h * i, v = u1 * i;
        const Fq x3 = r.square() - j - v.doubled();
        return {x3, r * (v - x3) - (s1 * j).doubled(), ((p.z + q.z).square() - pzz - qzz) * h};
    }

    constexpr Affine to_affine() const {
        const Fq inverse = z.inverse(), square = inverse.square();
        return {x * square, y * square * inverse};
    }

    // Canonical scalar.
    constexpr Jacobian times(const Limbs& scalar) const {
        Jacobian result = infinity();
        for (size_t i = 64 * kLimbs; i-- > 0;) {
            result = result.doubled();
            if (scalar[i / 64] >> (i % 64) & 1) result = result + *this;
        }
        return result;
    }
};

}  // namespace hm::bn254
