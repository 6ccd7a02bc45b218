// Products of vectors of extension elements with one reduction for each coefficient.
#pragma once

#include "field/extension.hpp"
#include "field/halves.hpp"
#include "field/wide.hpp"

namespace hm {

#if defined(HM_ISA_avx2)

// Karatsuba's products, as halves, are added up before they are reduced: x^3 = x + 1 and x^4 = x^2 + x.
inline Ext<Packed> multiply(const Ext<Packed>& a, const Ext<Packed>& b) {
    const auto product = [](Packed x, Packed y) { return multiply_to_halves(x.v, y.v); };
    // 16 p, as 2^38 + 16 + 2^32 (2^36 - 80), keep differences of products positive.
    const auto reduced = [](const Halves& x, std::uint64_t lacks) {
        const Vector low = add_wrapping(x.low, vector_broadcast((std::uint64_t{1} << 38) + 16 + lacks + kJoinOffset));
        const Vector high = add_wrapping(x.high, vector_broadcast((std::uint64_t{1} << 36) - 80));
        return Packed{canonical(join_halves(low, high))};
    };
    const Halves m0 = product(a.c[0], b.c[0]);
    const Halves m1 = product(a.c[1], b.c[1]);
    const Halves m2 = product(a.c[2], b.c[2]);
    const Halves m01 = product(a.c[0] + a.c[1], b.c[0] + b.c[1]);
    const Halves m02 = product(a.c[0] + a.c[2], b.c[0] + b.c[2]);
    const Halves m12 = product(a.c[1] + a.c[2], b.c[1] + b.c[2]);
    const Halves difference = m1 - m0;
    return {{reduced(m12 - m2 - difference, 0), reduced(m01 + m12 - m0 - m1 - m1, kHalvesExcess),
             reduced(m02 + difference, 0 - kHalvesExcess)}};
}

#else

// x^3 = x + 1 is folded into the second factor.
inline Ext<Packed> multiply(const Ext<Packed>& a, const Ext<Packed>& b) {
    const Factor a0(a.c[0]), a1(a.c[1]), a2(a.c[2]);
    const Coefficient b0(b.c[0]), b1(b.c[1]), b2(b.c[2]), b02(b.c[0] + b.c[2]), b12(b.c[1] + b.c[2]);
    Wide c0;
    c0.add(a0, b0);
    c0.add(a1, b2);
    c0.add(a2, b1);
    Wide c1;
    c1.add(a0, b1);
    c1.add(a1, b02);
    c1.add(a2, b12);
    Wide c2;
    c2.add(a0, b2);
    c2.add(a1, b1);
    c2.add(a2, b02);
    return {{c0.reduce(), c1.reduce(), c2.reduce()}};
}

#endif

}  // namespace hm
