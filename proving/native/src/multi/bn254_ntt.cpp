// Number-theoretic transforms over BN254's Fr, natural order in and out.
//
// With n = n1 n2, i = n2 i1 + i2 and k = k1 + n1 k2, the transform X_k = sum over i of x_i w^(i k) is: n1-point
// transforms of the columns, a twist by w^(i2 k1), n2-point transforms of the rows. kLanes neighbouring columns, then as
// many rows, are worked on together in a scratch of the second-level cache, so a vector never needs its lanes crossed.
// Scaling by powers rides on the twist: x_i a^i before, X_k b^k after, and a constant.
#include <algorithm>
#include <vector>

#include "bn254/field.hpp"
#include "bn254/wide.hpp"
#include "export.hpp"
#include "parallel.hpp"
#include "scratch.hpp"

namespace {

using namespace hm;
using namespace hm::bn254;

constexpr unsigned kTwoAdicity = 28;
constexpr u64 kNonResidue = 5;

constexpr size_t reverse_bits(size_t index, unsigned bits) {
    size_t result = 0;
    for (unsigned i = 0; i < bits; ++i) result |= ((index >> i) & 1) << (bits - 1 - i);
    return result;
}

Fr root_of_unity(unsigned log_order, bool inverse) {
    Limbs exponent = Fr::kModulus;
    exponent[0] -= 1;
    for (unsigned i = 0; i < kTwoAdicity; ++i) {
        for (size_t j = 0; j < kLimbs; ++j) exponent[j] = exponent[j] >> 1 | (j + 1 < kLimbs ? exponent[j + 1] << 63 : 0);
    }
    Fr root = Fr::from_u64(kNonResidue).pow(exponent);
    for (unsigned i = log_order; i < kTwoAdicity; ++i) root = root.square();
    return inverse ? root.inverse() : root;
}

// The powers w^0, w^1, ... of the root of order 2 size in bit-reversed order: block j of every layer uses entry j.
std::vector<Fr> bit_reversed_roots(unsigned log_size, bool inverse) {
    std::vector<Fr> roots(std::max<size_t>(1, size_t{1} << log_size >> 1));
    roots[0] = Fr::one();
    for (unsigned k = 0; k + 1 < log_size; ++k) {
        const Fr step = root_of_unity(k + 2, inverse);
        for (size_t j = 0; j < size_t{1} << k; ++j) roots[(size_t{1} << k) + j] = roots[j] * step;
    }
    return roots;
}

template <class F>
std::vector<typename F::Factor> factors(const std::vector<Fr>& elements) {
    std::vector<typename F::Factor> result;
    result.reserve(elements.size());
    for (const Fr& x : elements) result.push_back(F::factor(x));
    return result;
}

std::vector<Fr> powers(Fr first, Fr base, size_t count) {
    std::vector<Fr> result(count);
    for (Fr& x : result) {
        x = first;
        first *= base;
    }
    return result;
}

template <class F>
inline void butterfly(F& a, F& b, const typename F::Factor& twiddle) {
    const F product = b.carried() * twiddle;
    b = a - product;
    a = a + product;
}

// Natural order in, bit-reversed order out: a block holds f mod (X^(2s) - t^2) and becomes f mod (X^s - t) and
// f mod (X^s + t).
template <class F>
void transform(F* x, unsigned log_size, const typename F::Factor* roots) {
    const size_t size = size_t{1} << log_size;
    unsigned layer = 0;
    if (log_size % 2 == 1) {
        const size_t stride = size / 2;
        for (size_t i = 0; i < stride; ++i) F::plain_butterfly(x[i], x[i + stride]);
        layer = 1;
    }
    for (; layer < log_size; layer += 2) {
        const size_t blocks = size_t{1} << layer;
        const size_t stride = size >> (layer + 2);
        for (size_t j = 0; j < blocks; ++j) {
            F* const block = x + j * 4 * stride;
            const typename F::Factor t = roots[j], t0 = roots[2 * j], t1 = roots[2 * j + 1];
            for (size_t i = 0; i < stride; ++i) {
                F v0 = block[i], v1 = block[i + stride], v2 = block[i + 2 * stride], v3 = block[i + 3 * stride];
                if (layer == 0) {
                    F::plain_butterfly(v0, v2);
                    F::plain_butterfly(v1, v3);
                } else {
                    butterfly(v0, v2, t);
                    butterfly(v1, v3, t);
                }
                butterfly(v0, v1, t0);
                butterfly(v2, v3, t1);
                block[i] = v0;
                block[i + stride] = v1;
                block[i + 2 * stride] = v2;
                block[i + 3 * stride] = v3;
            }
        }
    }
}

struct Plan {
    unsigned log_size;
    bool inverse;
    Fr before;    // x_i times before^i
    Fr after;     // X_k times after^k
    Fr constant;  // X_k times this
};

template <class F>
void run(const Plan& plan, const u64* in, size_t count, u64* out) {
    using Factor = typename F::Factor;
    const unsigned log_columns = plan.log_size / 2, log_rows = plan.log_size - log_columns;
    const size_t rows = size_t{1} << log_rows, columns = size_t{1} << log_columns;
    const std::vector<Factor> roots = factors<F>(bit_reversed_roots(log_rows, plan.inverse));
    const bool scale_before = !(plan.before == Fr::one()), scale_after = !(plan.after == Fr::one());
    const Fr root = root_of_unity(plan.log_size, plan.inverse);
    // For column i2: constant before^i2, and the ratio w^i2 after of the twist.
    const std::vector<Fr> first = powers(plan.constant, plan.before, columns);
    const std::vector<Fr> ratio = powers(plan.after, root, columns);
    const std::vector<Factor> row_scales = factors<F>(
        scale_before ? powers(Fr::one(), plan.before.pow({{columns, 0, 0, 0}}), rows) : std::vector<Fr>{});
    const std::vector<Factor> column_scales = factors<F>(
        scale_after ? powers(Fr::one(), plan.after.pow({{rows, 0, 0, 0}}), columns) : std::vector<Fr>{});
    const Scratch middle = make_scratch(kLimbs * rows * columns);

    parallel_for(columns / F::kLanes, 1, [&](size_t begin, size_t end) {
        std::vector<F> x(rows);
        for (size_t i2 = begin * F::kLanes; i2 < end * F::kLanes; i2 += F::kLanes) {
            for (size_t i1 = 0; i1 < rows; ++i1) {
                const size_t at = i1 * columns + i2;
                x[i1] = at < count ? F::load_first(in + kLimbs * at, count - at) : F::zero();
                if (scale_before) x[i1] = x[i1].carried() * row_scales[i1];
            }
            transform(x.data(), log_rows, roots.data());
            typename F::Factors twist = F::load_factors(&first[i2]);
            const typename F::Factors step = F::load_factors(&ratio[i2]);
            for (size_t k1 = 0; k1 < rows; ++k1) {
                const F twisted = x[reverse_bits(k1, log_rows)].carried() * twist;
                twisted.canonical().store(middle.get() + kLimbs * (k1 * columns + i2));
                twist = (twist * step).carried();
            }
        }
    });
    parallel_for(rows / F::kLanes, 1, [&](size_t begin, size_t end) {
        std::vector<F> x(columns);
        for (size_t k1 = begin * F::kLanes; k1 < end * F::kLanes; k1 += F::kLanes) {
            if (columns == 1) {
                x[0] = F::load_first(middle.get() + kLimbs * k1, 1);
            } else {
                for (size_t i2 = 0; i2 < columns; i2 += 2)
                    F::load_pairs_apart(middle.get() + kLimbs * (k1 * columns + i2), kLimbs * columns, x[i2], x[i2 + 1]);
            }
            transform(x.data(), log_columns, roots.data());
            for (size_t k2 = 0; k2 < columns; ++k2) {
                F value = x[reverse_bits(k2, log_columns)];
                if (scale_after) value = value.carried() * column_scales[k2];
                value.canonical().store(out + kLimbs * (k1 + rows * k2));
            }
        }
    });
}

}  // namespace

// Transforms `count` <= 2^log_size elements, zeros after them. Forward: coefficients to values on shift <w>; inverse:
// the way back.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_ntt)(const u64* in, size_t count, u64* out, unsigned log_size, int inverse,
                                               const u64* shift) {
    const Fr coset = Fr::load(shift);
    const Plan plan = {log_size, inverse != 0, inverse ? Fr::one() : coset, inverse ? coset.inverse() : Fr::one(),
                       inverse ? Fr::from_u64(u64{1} << log_size).inverse() : Fr::one()};
    if ((size_t{1} << log_size / 2) < Wide<Fr>::kLanes) {
        run<Single<Fr>>(plan, in, count, out);
    } else {
        run<Wide<Fr>>(plan, in, count, out);
    }
}
