// The cubic extension F[x]/(x^3 - x - 1), over Fp or Packed.
#pragma once

#include "field/goldilocks.hpp"

namespace hm {

template <class F>
struct Ext {
    F c[3];

    static Ext zero() { return {{F::broadcast(Fp(0)), F::broadcast(Fp(0)), F::broadcast(Fp(0))}}; }
    static Ext one() { return {{F::broadcast(Fp(1)), F::broadcast(Fp(0)), F::broadcast(Fp(0))}}; }
    static Ext broadcast(const Ext<Fp>& x) {
        return {{F::broadcast(x.c[0]), F::broadcast(x.c[1]), F::broadcast(x.c[2])}};
    }
    static Ext base(F x) { return {{x, F::broadcast(Fp(0)), F::broadcast(Fp(0))}}; }
    // Three columns, `stride` elements apart.
    static Ext load(const std::uint64_t* source, std::size_t stride) {
        return {{F::load(source), F::load(source + stride), F::load(source + 2 * stride)}};
    }
    void store(std::uint64_t* target, std::size_t stride) const {
        c[0].store(target);
        c[1].store(target + stride);
        c[2].store(target + 2 * stride);
    }

    friend Ext operator+(const Ext& a, const Ext& b) {
        return {{a.c[0] + b.c[0], a.c[1] + b.c[1], a.c[2] + b.c[2]}};
    }
    friend Ext operator-(const Ext& a, const Ext& b) {
        return {{a.c[0] - b.c[0], a.c[1] - b.c[1], a.c[2] - b.c[2]}};
    }
    friend Ext operator+(const Ext& a, F b) { return {{a.c[0] + b, a.c[1], a.c[2]}}; }
    friend Ext operator-(const Ext& a, F b) { return {{a.c[0] - b, a.c[1], a.c[2]}}; }
    friend Ext operator*(const Ext& a, F b) { return {{a.c[0] * b, a.c[1] * b, a.c[2] * b}}; }
    friend constexpr Ext operator*(const Ext& a, const Ext& b) {
        const F m0 = a.c[0] * b.c[0];
        const F m1 = a.c[1] * b.c[1];
        const F m2 = a.c[2] * b.c[2];
        const F d1 = (a.c[0] + a.c[1]) * (b.c[0] + b.c[1]) - m0 - m1;
        const F d2 = (a.c[0] + a.c[2]) * (b.c[0] + b.c[2]) - m0 - m2 + m1;
        const F d3 = (a.c[1] + a.c[2]) * (b.c[1] + b.c[2]) - m1 - m2;
        // x^3 = x + 1 and x^4 = x^2 + x.
        return {{m0 + d3, d1 + d3 + m2, d2 + m2}};
    }
    Ext operator-() const { return {{-c[0], -c[1], -c[2]}}; }
    Ext& operator+=(const Ext& b) { return *this = *this + b; }
    Ext& operator-=(const Ext& b) { return *this = *this - b; }
    Ext& operator*=(const Ext& b) { return *this = *this * b; }
    Ext square() const { return *this * *this; }

    // The inverse, zero for zero: the first column of the adjugate of the matrix of multiplication by this element.
    Ext inverse() const {
        const F s = c[0] + c[2];
        const F t = c[1] + c[2];
        const F a0 = s * s - t * c[1];
        const F a1 = t * c[2] - c[1] * s;
        const F a2 = c[1] * c[1] - s * c[2];
        const F determinant = c[0] * a0 + c[2] * a1 + c[1] * a2;
        return Ext{{a0, a1, a2}} * determinant.inverse();
    }
};

}  // namespace hm
