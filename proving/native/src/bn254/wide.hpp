// Several elements of a BN254 field at a time, for kernels that are written once: the widest type of the instruction set.
//
// Sums and differences may be lazy. A type says: `carried()` makes an operand fit for a product, `store()` makes it
// canonical; what is subtracted is a product, a loaded number or the sum of two. A `Factor` is an element prepared to be
// the same second operand in all lanes, `Factors` one for each lane.
//
// Products of two numbers that vary stay in the type's own form: `enter` takes elements there, `leave` back.
#pragma once

#include <algorithm>

#include "bn254/field.hpp"

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
    static Factor factor(const Base& x) { return {x}; }
    static Factors load_factors(const Base* source) { return {*source}; }
    // The first `available` elements, at least one, of kLanes neighbours; zeros after them.
    static Single load_first(const u64* source, size_t) { return {Base::load(source)}; }
    // Lane i from `stride` i limbs on.
    static Single load_apart(const u64* source, size_t) { return {Base::load(source)}; }
    // Lane i from sources[i].
    static Single gather(const u64* const* sources) { return {Base::load(sources[0])}; }
    void store(u64* target) const { x.store(target); }
    void scatter(u64* const* targets) const { x.store(targets[0]); }

    Single carried() const { return *this; }
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

using WideFr = Single<Fr>;
using WideFq = Single<Fq>;

}  // namespace hm::bn254
