// Several elements of a BN254 field at a time, for kernels that are written once: the widest type of the instruction set.
//
// Sums and differences may be lazy. `carried()` makes an operand fit for a product, `canonical()` for
// memory; what is subtracted is a product, a loaded number or the sum of two. A `Factor` is an element prepared to be
// the same second operand in all lanes, `Factors` one for each lane.
//
// Products of two numbers that vary stay in the type's own form: `enter` takes elements there, `leave` back.
#pragma once

#include <algorithm>

#include "bn254/field.hpp"
#if defined(HM_ISA_avx512)
#include "bn254/ifma.hpp"
#endif

namespace hm::bn254 {

// One element, canonical at all times.
template <class Base>
struct Single {
    static constexpr size_t kLanes = 1;
    using Element = Base;
    using Factor = Single;
    using Factors = Single;
    using Mask = bool;

    Base x;

    static Single zero() { return {Base::zero()}; }
    static Single one() { return {Base::one()}; }
    static Base enter(const Base& x) { return x; }
    static Base leave(const Base& x) { return x; }
    // The same for all lanes.
    Single entered() const { return *this; }
    Single left() const { return *this; }
    static Single broadcast(const Base& x) { return {x}; }
    Factors prepared() const { return *this; }
    static Factor factor(const Base& x) { return {x}; }
    static Factors load_factors(const Base* source) { return {*source}; }
    // kLanes neighbours.
    static Single load(const u64* source) { return {Base::load(source)}; }
    // The first `available` elements, at least one, of kLanes neighbours; zeros after them.
    static Single load_first(const u64* source, size_t) { return {Base::load(source)}; }
    // Two neighbours in each lane; lane i has those from `stride` i limbs on.
    static void load_pairs_apart(const u64* source, size_t, Single& first, Single& second) {
        first = {Base::load(source)};
        second = {Base::load(source + kLimbs)};
    }
    // The same, lane i from sources[i].
    static void gather_pairs(const u64* const* sources, Single& first, Single& second) {
        load_pairs_apart(sources[0], 0, first, second);
    }
    // The first of the pairs.
    static Single gather(const u64* const* sources) { return {Base::load(sources[0])}; }
    // Canonical elements to kLanes neighbours.
    void store(u64* target) const { x.store(target); }
    // Canonical pairs, lane i to targets[i].
    static void scatter_pairs(const Single& first, const Single& second, u64* const* targets) {
        first.store(targets[0]);
        second.store(targets[0] + kLimbs);
    }

    Single carried() const { return *this; }
    Single reduced() const { return *this; }
    Single canonical() const { return *this; }
    friend Single operator+(const Single& a, const Single& b) { return {a.x + b.x}; }
    friend Single operator-(const Single& a, const Single& b) { return {a.x - b.x}; }
    friend Single operator*(const Single& a, const Single& b) { return {a.x * b.x}; }
    // The lanes' inverses; none is zero.
    Single inverse() const { return {x.inverse()}; }

    // For canonical operands.
    static Mask equal(const Single& a, const Single& b) { return a.x == b.x; }
    static Mask is_zero(const Single& a) { return a.x.is_zero(); }
    static Mask mask(unsigned bits) { return bits != 0; }
    static unsigned bits(Mask mask) { return mask; }
    static Single select(Mask mask, const Single& set, const Single& clear) { return mask ? set : clear; }

    // (a, b) -> (a + b, a - b) for canonical operands.
    static void plain_butterfly(Single& a, Single& b) {
        const Single sum = a + b;
        b = a - b;
        a = sum;
    }
};

#if defined(HM_ISA_avx512)
template <class Base>
using Wide = Eight<Base>;
#else
template <class Base>
using Wide = Single<Base>;
#endif

}  // namespace hm::bn254
