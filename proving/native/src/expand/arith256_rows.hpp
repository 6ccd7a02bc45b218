// Rows of the table of 256-bit modular arithmetic (proving/circuits/arith256.py): one for each request.
#pragma once

#include "division.hpp"
#include "expand/row.hpp"

namespace hm::expand::arith256 {

// Limbs of 16 bits, the lowest first.
inline constexpr std::size_t kLimbs = 16;
inline constexpr std::size_t kInputWords = 32;
// Places of the product equation, of 32 bits each; a carry leaves each but the last.
inline constexpr std::size_t kPlaces = 24;
// Limbs of one place of the comparison of r and m.
inline constexpr std::size_t kGroup = 3;

template <std::size_t size>
using Limbs = std::array<std::uint32_t, size>;

template <std::size_t size>
HM_PORTABLE Limbs<size> limbs(const std::uint32_t* words) {
    Limbs<size> found;
    for (std::size_t i = 0; i < size; ++i) found[i] = words[i / 2] >> 16 * (i % 2) & 0xffff;
    return found;
}

// The cells of numbers that are looked up: counts the lookups.
template <std::size_t size, class Counts>
HM_PORTABLE std::array<std::uint64_t, size> checked(const Limbs<size>& values, Counts& counts, std::uint32_t bits = 16) {
    std::array<std::uint64_t, size> cells;
    for (std::size_t i = 0; i < size; ++i) {
        counts.check(bits, values[i]);
        cells[i] = values[i];
    }
    return cells;
}

// The sum of the products of limbs of x and y that stand at a place of x y.
template <std::size_t n>
HM_PORTABLE std::int64_t convolution(const Limbs<n>& x, const Limbs<kLimbs>& y, std::size_t place) {
    std::int64_t sum = 0;
    for (std::size_t j = place < n ? 0 : place - n + 1; j < (place < kLimbs ? place + 1 : kLimbs); ++j)
        sum += std::int64_t{x[place - j]} * y[j];
    return sum;
}

// input: a, b, c, m.
template <class Counts>
HM_PORTABLE columns::Arith256 cells(const std::uint32_t* input, std::uint64_t position, Counts& counts) {
    const std::uint32_t* words[4] = {input, input + 8, input + 16, input + 24};
    const modular::Division found = modular::divide(modular::multiply_add(words[0], words[1], words[2]), words[3]);
    const Limbs<kLimbs> a = limbs<kLimbs>(words[0]), b = limbs<kLimbs>(words[1]), c = limbs<kLimbs>(words[2]),
                        m = limbs<kLimbs>(words[3]), r = limbs<kLimbs>(found.remainder.data());
    const Limbs<2 * kLimbs> q = limbs<2 * kLimbs>(found.quotient.data());
    std::uint32_t any = 0;
    for (const std::uint32_t limb : m) any |= limb;
    const bool zero = any == 0;

    // rest = m - 1 - r, below 2^256 because r < m, and the carries of r + rest + 1.
    Limbs<kLimbs> rest;
    std::array<std::uint64_t, (kLimbs - 1) / kGroup> over;
    std::int64_t borrow = 1, carry = 1;
    for (std::size_t i = 0; i < kLimbs; ++i) {
        const std::int64_t difference = std::int64_t{m[i]} - r[i] - borrow;
        rest[i] = static_cast<std::uint32_t>(difference & 0xffff);
        borrow = difference < 0;
        carry = (r[i] + std::int64_t{rest[i]} + carry) >> 16;
        if (i % kGroup == kGroup - 1) over[i / kGroup] = static_cast<std::uint64_t>(carry);
    }

    Limbs<kPlaces - 1> low, high;
    std::int64_t sum = 0;
    for (std::size_t place = 0; place < 2 * (kPlaces - 1); ++place) {
        std::int64_t term = convolution(a, b, place) - convolution(q, m, place);
        if (place < kLimbs) term += std::int64_t{c[place]} - r[place];
        if (zero && place >= kLimbs) term -= q[place - kLimbs];
        sum += term << 16 * (place % 2);
        if (place % 2 == 0) continue;
        sum >>= 32;
        const auto value = static_cast<std::uint32_t>(sum + (1 << 21));
        low[place / 2] = value & 0xffff;
        high[place / 2] = value >> 16;
    }
    return {.real = 1, .position = position, .a = checked(a, counts), .b = checked(b, counts), .c = checked(c, counts),
            .m = checked(m, counts), .r = checked(r, counts), .rest = checked(rest, counts), .q = checked(q, counts),
            .wraps = zero, .over = over, .carry_low = checked(low, counts), .carry_high = checked(high, counts, 6)};
}

}  // namespace hm::expand::arith256
