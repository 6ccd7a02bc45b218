// Points of bit-reversed cosets and inverses of their distances to an extension point.
#pragma once

#include "field/extension.hpp"
#include "field/packed.hpp"

namespace hm {

// points[i] = x_{begin + i} of shift * <w> in bit-reversed order, begin even; roots: bit_reversed_roots(.., false).
inline void domain_points(const std::uint64_t* roots, Fp shift, std::size_t begin, std::size_t count,
                          std::uint64_t* points) {
    for (std::size_t i = 0; i < count; i += 2) {
        const Fp x = Fp(roots[(begin + i) / 2]) * shift;
        points[i] = x.value;
        if (i + 1 < count) points[i + 1] = (-x).value;
    }
}

// 1 / (x - z) for whole vectors of points x, none of which is z, into (3, count) columns.
// The determinants of all vectors are inverted together by Montgomery's trick, lane by lane.
template <std::size_t max_count>
inline void inverse_distances(const std::uint64_t* points, std::size_t count, const Ext<Fp>& z,
                              std::uint64_t (&out)[3][max_count]) {
    const Packed z0 = Packed::broadcast(z.c[0]);
    const Packed c1 = Packed::broadcast(-z.c[1]);
    const Packed c2 = Packed::broadcast(-z.c[2]);
    const Packed t = c1 + c2;
    const Packed t_c1 = t * c1;
    const Packed t_c2 = t * c2;
    const Packed c1_c1 = c1 * c1;
    std::uint64_t determinants[max_count];
    std::uint64_t prefixes[max_count];
    Packed prefix = Packed::broadcast(std::uint64_t{1});
    for (std::size_t i = 0; i < count; i += Packed::kLanes) {
        const Packed c0 = Packed::load(points + i) - z0;
        const Packed s = c0 + c2;
        const Packed a0 = s.square() - t_c1;
        const Packed a1 = t_c2 - c1 * s;
        const Packed a2 = c1_c1 - s * c2;
        const Packed determinant = c0 * a0 + c2 * a1 + c1 * a2;
        a0.store(out[0] + i);
        a1.store(out[1] + i);
        a2.store(out[2] + i);
        determinant.store(determinants + i);
        prefix.store(prefixes + i);
        prefix *= determinant;
    }
    Packed suffix = prefix.inverse();
    for (std::size_t i = count; i > 0;) {
        i -= Packed::kLanes;
        const Packed inverse = suffix * Packed::load(prefixes + i);
        suffix *= Packed::load(determinants + i);
        for (auto& column : out) (Packed::load(column + i) * inverse).store(column + i);
    }
}

}  // namespace hm
