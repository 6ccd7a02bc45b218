// FRI: folding and grouping of layers.
#include "export.hpp"
#include "field/extension.hpp"
#include "field/packed.hpp"
#include "field/roots.hpp"
#include "parallel.hpp"

namespace {

using namespace hm;

using u64 = std::uint64_t;
using std::size_t;

// (v0 + v1) / 2 + beta (v0 - v1) / (2 x), with scale = beta / (2 shift) and root = shift / x.
template <class F>
Ext<F> fold_pair(const Ext<F>& v0, const Ext<F>& v1, const Ext<F>& scale, F half, F root) {
    return (v0 + v1) * half + (v0 - v1) * root * scale;
}

}  // namespace

// Folds (3, 2^log_size) values on shift * <w> in bit-reversed order to (3, 2^(log_size - 1)) on shift^2 * <w^2>:
// f = f0(X^2) + X f1(X^2) -> f0 + beta f1.
extern "C" HM_EXPORT void HM_NAME(hm_fold)(const u64* values, u64* out, unsigned log_size, const u64* beta, u64 shift) {
    constexpr size_t lanes = Packed::kLanes;
    const size_t size = size_t{1} << log_size;
    const size_t half_size = size / 2;
    const u64* const roots = bit_reversed_roots(log_size - 1, true);
    const Fp half = half_power(1);
    const Ext<Fp> scale = Ext<Fp>::load(beta, 1) * (Fp(shift).inverse() * half);
    parallel_for(half_size, 2048, [=](size_t begin, size_t end) {
        const Ext<Packed> scales = Ext<Packed>::broadcast(scale);
        const Packed halves = Packed::broadcast(half);
        size_t i = begin;
        for (; i + lanes <= end; i += lanes) {
            Ext<Packed> even;
            Ext<Packed> odd;
            for (size_t k = 0; k < 3; ++k) {
                even.c[k].v = vector_load(values + k * size + 2 * i);
                odd.c[k].v = vector_load(values + k * size + 2 * i + lanes);
                deinterleave(even.c[k].v, odd.c[k].v);
            }
            fold_pair(even, odd, scales, halves, Packed::load(roots + i)).store(out + i, half_size);
        }
        for (; i < end; ++i) {
            const Ext<Fp> even = Ext<Fp>::load(values + 2 * i, size);
            const Ext<Fp> odd = Ext<Fp>::load(values + 2 * i + 1, size);
            fold_pair(even, odd, scale, half, Fp(roots[i])).store(out + i, half_size);
        }
    });
}

// (3, size) -> (3 arity, size / arity): row r holds the values r * arity .. of a leaf, value by value.
extern "C" HM_EXPORT void HM_NAME(hm_group)(const u64* values, u64* out, size_t size, unsigned log_arity) {
    const size_t arity = size_t{1} << log_arity;
    const size_t rows = size >> log_arity;
    parallel_for(rows, 1024, [=](size_t begin, size_t end) {
        for (size_t coefficient = 0; coefficient < 3; ++coefficient) {
            const u64* const column = values + coefficient * size;
            for (size_t k = 0; k < arity; ++k) {
                u64* const target = out + (3 * k + coefficient) * rows;
                for (size_t r = begin; r < end; ++r) target[r] = column[r * arity + k];
            }
        }
    });
}
