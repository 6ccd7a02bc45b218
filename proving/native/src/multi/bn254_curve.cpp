// Arrays of points of BN254's G1: (count, 8), affine, x before y, in Montgomery form, canonical; zeros for infinity.
#include <algorithm>
#include <vector>

#include "bn254/curve.hpp"
#include "bn254/segments.hpp"
#include "export.hpp"
#include "parallel.hpp"

namespace {

using namespace hm;
using namespace hm::bn254;

constexpr size_t kGrain = 1 << 10;

// Multiples of one point by a table: window w has the multiples by d 2^(kBits w), 0 < d < 2^kBits.
constexpr unsigned kBits = 8;
constexpr size_t kWindows = 256 / kBits, kDigits = size_t{1} << kBits;

std::vector<Affine> normalized(const std::vector<Jacobian>& points) {
    std::vector<Fq> prefixes(points.size());
    Fq product = Fq::one();
    for (size_t i = 0; i < points.size(); ++i) {
        prefixes[i] = product;
        if (!points[i].is_infinity()) product *= points[i].z;
    }
    Fq suffix = product.inverse();
    std::vector<Affine> result(points.size());
    for (size_t i = points.size(); i-- > 0;) {
        if (points[i].is_infinity()) continue;
        const Fq inverse = suffix * prefixes[i], square = inverse.square();
        suffix *= points[i].z;
        result[i] = {points[i].x * square, points[i].y * square * inverse};
    }
    return result;
}

std::vector<Affine> multiples(const Affine& base) {
    std::vector<Jacobian> table;
    Jacobian step = Jacobian::from(base);
    for (size_t w = 0; w < kWindows; ++w) {
        Jacobian multiple = Jacobian::infinity();
        for (size_t d = 0; d < kDigits; ++d) {
            table.push_back(multiple);
            multiple = multiple + step;
        }
        step = multiple;
    }
    return normalized(table);
}

}  // namespace

// The place of the first point that is not on the curve, or `count`; infinity is on it.
extern "C" HM_EXPORT size_t HM_NAME(hm_bn254_first_off_curve)(const u64* points, size_t count) {
    const size_t pieces = (count + kGrain - 1) / kGrain;
    std::vector<size_t> found(pieces, count);
    parallel_for(pieces, 1, [&](size_t piece, size_t) {
        for (size_t i = piece * kGrain; i < std::min(count, (piece + 1) * kGrain); ++i) {
            if (Affine::load(points + kPointLimbs * i).on_curve()) continue;
            found[piece] = i;
            return;
        }
    });
    return pieces == 0 ? count : *std::min_element(found.begin(), found.end());
}

// out[i] = a[i] + b[i].
extern "C" HM_EXPORT void HM_NAME(hm_bn254_add_points)(const u64* a, const u64* b, u64* out, size_t count) {
    parallel_for(count, kGrain, [=](size_t begin, size_t end) {
        std::vector<Jacobian> sums;
        for (size_t i = begin; i < end; ++i)
            sums.push_back(Jacobian::from(Affine::load(a + kPointLimbs * i)) +
                           Jacobian::from(Affine::load(b + kPointLimbs * i)));
        const std::vector<Affine> affine = normalized(sums);
        for (size_t i = begin; i < end; ++i) affine[i - begin].store(out + kPointLimbs * i);
    });
}

// out[i] = scalars[i] points[i].
extern "C" HM_EXPORT void HM_NAME(hm_bn254_multiply_points)(const u64* points, const u64* scalars, u64* out,
                                                           size_t count) {
    parallel_for(count, 64, [=](size_t begin, size_t end) {
        std::vector<Jacobian> products;
        for (size_t i = begin; i < end; ++i)
            products.push_back(Jacobian::from(Affine::load(points + kPointLimbs * i))
                                   .times(Fr::load(scalars + kLimbs * i).to_canonical()));
        const std::vector<Affine> affine = normalized(products);
        for (size_t i = begin; i < end; ++i) affine[i - begin].store(out + kPointLimbs * i);
    });
}

// out[i] = scalars[i] base.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_multiply_base)(const u64* base, const u64* scalars, u64* out,
                                                         size_t count) {
    using F = Wide<Fq>;
    std::vector<Affine> table = multiples(Affine::load(base));
    for (Affine& p : table) p = {F::enter(p.x), F::enter(p.y)};
    // Each scalar's multiples are a segment: a point for every digit.
    parallel_for(count, kGrain, [&](size_t begin, size_t end) {
        std::vector<Entry> entries;
        std::vector<size_t> offsets{0};
        for (size_t i = begin; i < end; ++i) {
            const Limbs scalar = Fr::load(scalars + kLimbs * i).to_canonical();
            for (size_t w = 0; w < kWindows; ++w) {
                const size_t digit = scalar[w * kBits / 64] >> (w * kBits % 64) & (kDigits - 1);
                if (digit != 0) entries.push_back(static_cast<Entry>(2 * (w * kDigits + digit)));
            }
            offsets.push_back(entries.size());
        }
        static_assert(sizeof(Affine) == kPointLimbs * sizeof(u64));
        u64* const sums = out + kPointLimbs * begin;
        sum_segments<F>(table.front().x.value.limb, entries.data(), offsets, sums);
        for (size_t i = 0; i < 2 * (end - begin); ++i)
            F::leave(Fq::load(sums + kLimbs * i)).store(sums + kLimbs * i);
    });
}
