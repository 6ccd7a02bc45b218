// Packed: as many Goldilocks elements as one vector register holds, canonical at all times.
// HM_ISA_avx512: 8 lanes, HM_ISA_avx2: 4 lanes, otherwise 1 lane.
#pragma once

#include "field/goldilocks.hpp"
#include "field/vector.hpp"

namespace hm {

struct Packed {
    Vector v;

    static constexpr std::size_t kLanes = kVectorLanes;

    static Packed load(const std::uint64_t* source) { return {vector_load(source)}; }
    void store(std::uint64_t* target) const { vector_store(target, v); }
    static Packed broadcast(Fp x) { return {vector_broadcast(x.value)}; }
    static Packed broadcast(std::uint64_t canonical) { return {vector_broadcast(canonical)}; }

    friend Packed operator+(Packed a, Packed b) { return {add_canonical(a.v, b.v)}; }
    friend Packed operator-(Packed a, Packed b) { return {sub_canonical(a.v, b.v)}; }
    friend Packed operator*(Packed a, Packed b) { return {canonical(mul_loose(a.v, b.v))}; }
    Packed operator-() const { return broadcast(std::uint64_t{0}) - *this; }
    Packed& operator+=(Packed b) { return *this = *this + b; }
    Packed& operator-=(Packed b) { return *this = *this - b; }
    Packed& operator*=(Packed b) { return *this = *this * b; }
    Packed square() const { return {canonical(square_loose(v))}; }
    // x^(p - 2): the inverse, zero for zero.
    Packed inverse() const {
        Packed base = *this;
        Packed result = broadcast(std::uint64_t{1});
        for (std::uint64_t exponent = kPrime - 2; exponent != 0; exponent >>= 1) {
            if (exponent & 1) result *= base;
            base = base.square();
        }
        return result;
    }
};

}  // namespace hm
