// Arrays of BN254 field elements: (count, 4) limbs in Montgomery form, canonical. `field` is 0 for Fr and 1 for Fq.
#include <algorithm>
#include <vector>

#include "bn254/field.hpp"
#include "bn254/wide.hpp"
#include "export.hpp"
#include "parallel.hpp"

namespace {

using namespace hm;
using namespace hm::bn254;

constexpr size_t kGrain = 1 << 10;

template <class Body>
void with_field(unsigned field, Body body) {
    if (field == 0) {
        body(Fr{});
    } else {
        body(Fq{});
    }
}

// out[i] = operation(F, elements i, ...) for all i, as many together as the instruction set has lanes. The operation loads
// its operands from place i on, for the type that it is given.
template <class Operation>
void each(unsigned field, u64* out, size_t count, Operation operation) {
    with_field(field, [&]<class Base>(Base) {
        using F = Wide<Base>;
        parallel_for(count, kGrain, [=](size_t begin, size_t end) {
            size_t i = begin;
            for (; i + F::kLanes <= end; i += F::kLanes) operation(F::zero(), i).canonical().store(out + kLimbs * i);
            for (; i < end; ++i) operation(Single<Base>::zero(), i).store(out + kLimbs * i);
        });
    });
}

// An operand: an array, or with step 0 one element that is the same everywhere.
struct Operand {
    const u64* elements;
    size_t step;

    template <class F>
    F load(size_t i) const {
        return step == 0 ? F::broadcast(F::Element::load(elements)) : F::load(elements + kLimbs * i);
    }
};

// x^exponent for an exponent of 64 bits.
template <class F>
F small_power(const F& x, u64 exponent) {
    return x.pow({{exponent, 0, 0, 0}});
}

// For scans that run in two passes over pieces: pieces of at least kGrain elements, a few for every thread.
size_t piece_size(size_t count) { return std::max(kGrain, (count + 4 * thread_count() - 1) / (4 * thread_count())); }

}  // namespace

extern "C" HM_EXPORT void HM_NAME(hm_bn254_add)(unsigned field, const u64* a, size_t a_step, const u64* b,
                                               size_t b_step, u64* out, size_t count) {
    each(field, out, count, [x = Operand{a, a_step}, y = Operand{b, b_step}]<class F>(F, size_t i) {
        return x.template load<F>(i) + y.template load<F>(i);
    });
}

extern "C" HM_EXPORT void HM_NAME(hm_bn254_sub)(unsigned field, const u64* a, size_t a_step, const u64* b,
                                               size_t b_step, u64* out, size_t count) {
    each(field, out, count, [x = Operand{a, a_step}, y = Operand{b, b_step}]<class F>(F, size_t i) {
        return x.template load<F>(i) - y.template load<F>(i);
    });
}

extern "C" HM_EXPORT void HM_NAME(hm_bn254_mul)(unsigned field, const u64* a, size_t a_step, const u64* b,
                                               size_t b_step, u64* out, size_t count) {
    each(field, out, count, [x = Operand{a, a_step}, y = Operand{b, b_step}]<class F>(F, size_t i) {
        return x.template load<F>(i) * y.template load<F>(i).prepared();
    });
}

// Inverses by Montgomery's trick in runs, lane by lane; zero for zero.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_inv)(unsigned field, const u64* a, u64* out, size_t count) {
    with_field(field, [&]<class Base>(Base) {
        using F = Wide<Base>;
        constexpr size_t kRun = 256;
        parallel_for((count + F::kLanes - 1) / F::kLanes, kRun, [=](size_t begin, size_t end) {
            F values[kRun], prefixes[kRun];
            F prefix = F::one();
            for (size_t i = begin; i < end; ++i) {
                const F x = F::load_first(a + kLimbs * F::kLanes * i, count - F::kLanes * i);
                values[i - begin] = F::select(F::is_zero(x), F::one(), x.entered()).carried();
                prefixes[i - begin] = prefix;
                prefix = (prefix * values[i - begin]).carried();
            }
            F suffix = prefix.inverse();
            for (size_t i = end; i-- > begin;) {
                const u64* const source = a + kLimbs * F::kLanes * i;
                const size_t available = std::min(F::kLanes, count - F::kLanes * i);
                const F inverse = (suffix * prefixes[i - begin]).left();
                const F x = F::load_first(source, available);
                u64 lanes[F::kLanes * kLimbs];
                F::select(F::is_zero(x), F::zero(), inverse.canonical()).store(lanes);
                std::copy(lanes, lanes + kLimbs * available, out + kLimbs * F::kLanes * i);
                suffix = (suffix * values[i - begin]).carried();
            }
        });
    });
}

// Canonical limbs to elements.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_enter)(unsigned field, const u64* limbs, u64* out, size_t count) {
    each(field, out, count, [=]<class F>(F, size_t i) {
        return F::load(limbs + kLimbs * i) * F::factor(F::Element::from_canonical(F::Element::one().value));
    });
}

// Elements to canonical limbs.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_leave)(unsigned field, const u64* a, u64* out, size_t count) {
    each(field, out, count, [=]<class F>(F, size_t i) {
        return F::load(a + kLimbs * i) * F::factor(typename F::Element{{{1, 0, 0, 0}}});
    });
}

// The place of the first element that is not below p, or `count`.
extern "C" HM_EXPORT size_t HM_NAME(hm_bn254_first_unreduced)(unsigned field, const u64* a, size_t count) {
    size_t found = count;
    with_field(field, [&]<class F>(F) {
        for (size_t i = 0; i < count; ++i) {
            if (!below(F::load(a + kLimbs * i).value, F::kModulus)) {
                found = i;
                return;
            }
        }
    });
    return found;
}

// Numbers of 64 bits to elements.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_from_u64)(unsigned field, const u64* values, u64* out, size_t count) {
    with_field(field, [&]<class F>(F) {
        parallel_for(count, kGrain, [=](size_t begin, size_t end) {
            for (size_t i = begin; i < end; ++i) F::from_u64(values[i]).store(out + kLimbs * i);
        });
    });
}

// first, first base, first base^2, ...
extern "C" HM_EXPORT void HM_NAME(hm_bn254_powers)(unsigned field, const u64* first, const u64* base, u64* out,
                                                  size_t count) {
    with_field(field, [&]<class F>(F) {
        const F ratio = F::load(base);
        const F start = F::load(first);
        parallel_for(count, kGrain, [=](size_t begin, size_t end) {
            F power = start * small_power(ratio, begin);
            for (size_t i = begin; i < end; ++i, power *= ratio) power.store(out + kLimbs * i);
        });
    });
}

// out[i] = a[0] ... a[i - 1].
extern "C" HM_EXPORT void HM_NAME(hm_bn254_prefix_products)(unsigned field, const u64* a, u64* out, size_t count) {
    with_field(field, [&]<class F>(F) {
        const size_t size = piece_size(count);
        const size_t pieces = (count + size - 1) / size;
        std::vector<F> products(pieces);
        parallel_for(pieces, 1, [&](size_t piece, size_t) {
            F product = F::one();
            for (size_t i = piece * size; i < std::min(count, (piece + 1) * size); ++i)
                product *= F::load(a + kLimbs * i);
            products[piece] = product;
        });
        F before = F::one();
        for (F& product : products) {
            const F with = before * product;
            product = before;
            before = with;
        }
        parallel_for(pieces, 1, [&](size_t piece, size_t) {
            F product = products[piece];
            for (size_t i = piece * size; i < std::min(count, (piece + 1) * size); ++i) {
                const F x = F::load(a + kLimbs * i);
                product.store(out + kLimbs * i);
                product *= x;
            }
        });
    });
}

// The quotient of the polynomial with coefficients c by X - root, `count` coefficients of which the highest is zero;
// the remainder, which is the value at the root.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_divide_linear)(unsigned field, const u64* c, size_t count, const u64* root,
                                                         u64* quotient, u64* remainder) {
    with_field(field, [&]<class F>(F) {
        const F z = F::load(root);
        const size_t size = piece_size(count);
        const size_t pieces = (count + size - 1) / size;
        const F step = small_power(z, size);
        std::vector<F> above(pieces + 1);
        // Each piece's own value at the root; then, from the top, the value of all that lies above each piece.
        parallel_for(pieces, 1, [&](size_t piece, size_t) {
            F sum{};
            for (size_t i = std::min(count, (piece + 1) * size); i-- > piece * size;)
                sum = sum * z + F::load(c + kLimbs * i);
            above[piece] = sum;
        });
        F carried{};
        for (size_t piece = pieces; piece-- > 0;) {
            const F own = above[piece];
            above[piece] = carried;
            carried = carried * step + own;
        }
        carried.store(remainder);
        if (quotient == nullptr) return;
        parallel_for(pieces, 1, [&](size_t piece, size_t) {
            F sum = above[piece];
            for (size_t i = std::min(count, (piece + 1) * size); i-- > piece * size;) {
                const F coefficient = F::load(c + kLimbs * i);
                sum.store(quotient + kLimbs * i);
                sum = sum * z + coefficient;
            }
        });
    });
}
