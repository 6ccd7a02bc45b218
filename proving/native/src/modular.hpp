// a b + c modulo m for numbers of eight words, the lowest first: the remainder alone.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "division.hpp"

namespace hm::modular {

// Limbs of 64 bits, the lowest first.
template <std::size_t size>
using Limbs = std::array<std::uint64_t, size>;
using Wide = unsigned __int128;

inline Limbs<4> limbs_of(const std::uint32_t* words) {
    Limbs<4> found;
    std::memcpy(found.data(), words, sizeof found);
    return found;
}

// sum += x y, which must fit; x has n limbs.
template <std::size_t n>
void add_product(Limbs<8>& sum, const Limbs<4>& x, const Limbs<4>& y) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t carry = 0;
#pragma GCC unroll 4
        for (std::size_t j = 0; j < 4; ++j) {
            const Wide place = Wide{x[i]} * y[j] + sum[i + j] + carry;
            sum[i + j] = static_cast<std::uint64_t>(place);
            carry = static_cast<std::uint64_t>(place >> 64);
        }
#pragma GCC unroll 4
        for (std::size_t j = i + 4; j < 8; ++j) carry = (sum[j] += carry) < carry;
    }
}

// x -= y; returns whether that was too much.
inline bool subtract(Limbs<4>& x, const Limbs<4>& y) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const Wide difference = Wide{x[i]} - y[i] - borrow;
        x[i] = static_cast<std::uint64_t>(difference);
        borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
    }
    return borrow != 0;
}

// x, or x - m where that is not negative.
inline Limbs<4> reduced_once(const Limbs<4>& x, const Limbs<4>& m) {
    Limbs<4> reduced = x;
    return subtract(reduced, m) ? x : reduced;
}

// x += y, 128 bits; returns the carry.
inline std::uint64_t add(Limbs<4>& x, Wide y) {
    Wide place = Wide{x[0]} + static_cast<std::uint64_t>(y);
    x[0] = static_cast<std::uint64_t>(place);
    place = (place >> 64) + (y >> 64) + x[1];
    x[1] = static_cast<std::uint64_t>(place);
    place = (place >> 64) + x[2];
    x[2] = static_cast<std::uint64_t>(place);
    place = (place >> 64) + x[3];
    x[3] = static_cast<std::uint64_t>(place);
    return static_cast<std::uint64_t>(place >> 64);
}

// value modulo m = 2^256 - d: the upper half counts d times, which leaves one limb above 256 bits; that counts d times,
// which leaves a carry at most; and with that the rest is below 2^128, so that no second one comes of it.
inline Limbs<4> fold(const Limbs<8>& value, std::uint64_t d, const Limbs<4>& m) {
    Limbs<4> found;
    std::uint64_t upper = 0;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
        const Wide place = Wide{value[4 + i]} * d + value[i] + upper;
        found[i] = static_cast<std::uint64_t>(place);
        upper = static_cast<std::uint64_t>(place >> 64);
    }
    if (add(found, Wide{upper} * d)) add(found, d);
    return reduced_once(found, m);
}

// The same where d has n limbs, 2 or 3: until there is no upper half.
template <std::size_t n>
Limbs<4> fold(Limbs<8> value, const Limbs<4>& d, const Limbs<4>& m) {
    for (;;) {
        const Limbs<4> upper{value[4], value[5], value[6], value[7]};
        if ((upper[0] | upper[1] | upper[2] | upper[3]) == 0) break;
        std::fill(value.begin() + 4, value.end(), 0);
        add_product<n>(value, d, upper);
    }
    return reduced_once({value[0], value[1], value[2], value[3]}, m);
}

// The remainder alone. Moduli just below 2^256, as those of many curves are, take no division.
inline Words<8> remainder(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c, const std::uint32_t* m) {
    const Limbs<4> modulus = limbs_of(m);
    Limbs<4> d{};
    subtract(d, modulus);
    if (modulus[3] != ~std::uint64_t{0} || d[3] != 0) return divide(multiply_add(a, b, c), m).remainder;
    const Limbs<4> addend = limbs_of(c);
    Limbs<8> value{addend[0], addend[1], addend[2], addend[3]};
    add_product<4>(value, limbs_of(a), limbs_of(b));
    const Limbs<4> found = d[2] != 0 ? fold<3>(value, d, modulus) : d[1] != 0 ? fold<2>(value, d, modulus) : fold(value, d[0], modulus);
    Words<8> result;
    std::memcpy(result.data(), found.data(), sizeof result);
    return result;
}

}  // namespace hm::modular
