// 256-bit modular arithmetic: a b + c modulo m, where m = 0 stands for 2^256, and the columns of its table
// (proving/circuits/arith256.py).
#include <algorithm>
#include <array>

#include "executor.hpp"
#include "expand.hpp"
#include "export.hpp"
#include "modular.hpp"
#include "request_turn.hpp"

namespace {

// Limbs of 16 bits, the lowest first.
constexpr std::size_t kLimbs = 16;
using hm::modular::Division;
using hm::modular::divide;
using hm::modular::multiply_add;

constexpr std::size_t kInputWords = 32;
constexpr std::size_t kOutputWords = 8;
// Places of the product equation, of 32 bits each; a carry leaves each but the last.
constexpr std::size_t kPlaces = 24;
// Limbs of one place of the comparison of r and m.
constexpr std::size_t kGroup = 3;

template <std::size_t size>
using Limbs = std::array<std::uint32_t, size>;

template <std::size_t size>
Limbs<size> limbs(const std::uint32_t* words) {
    Limbs<size> found;
    for (std::size_t i = 0; i < size; ++i) found[i] = words[i / 2] >> 16 * (i % 2) & 0xffff;
    return found;
}

// The cells of numbers that are looked up: counts the lookups.
template <std::size_t size>
std::array<std::uint64_t, size> checked(const Limbs<size>& values, hm::expand::Counts& counts, std::uint32_t bits = 16) {
    std::array<std::uint64_t, size> cells;
    for (std::size_t i = 0; i < size; ++i) {
        counts.check(bits, values[i]);
        cells[i] = values[i];
    }
    return cells;
}

// The sum of the products of limbs of x and y that stand at a place of x y.
template <std::size_t n>
std::int64_t convolution(const Limbs<n>& x, const Limbs<kLimbs>& y, std::size_t place) {
    std::int64_t sum = 0;
    for (std::size_t j = place < n ? 0 : place - n + 1; j < std::min(kLimbs, place + 1); ++j)
        sum += std::int64_t{x[place - j]} * y[j];
    return sum;
}

hm::expand::columns::Arith256 cells(const std::uint32_t* input, std::size_t position, hm::expand::Counts& counts) {
    const std::uint32_t* words[4] = {input, input + 8, input + 16, input + 24};
    const Division found = divide(multiply_add(words[0], words[1], words[2]), words[3]);
    const Limbs<kLimbs> a = limbs<kLimbs>(words[0]), b = limbs<kLimbs>(words[1]), c = limbs<kLimbs>(words[2]),
                        m = limbs<kLimbs>(words[3]), r = limbs<kLimbs>(found.remainder.data());
    const Limbs<2 * kLimbs> q = limbs<2 * kLimbs>(found.quotient.data());
    const bool zero = std::all_of(m.begin(), m.end(), [](std::uint32_t limb) { return limb == 0; });

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

}  // namespace

void hm::arith256(const std::uint32_t* inputs, std::uint32_t* outputs) {
    const auto found = modular::remainder(inputs, inputs + 8, inputs + 16, inputs + 24);
    std::copy_n(found.begin(), kOutputWords, outputs);
}

// inputs (count, 32) words: a, b, c, m, each the lowest first -> outputs (count, 8).
extern "C" HM_EXPORT void hm_arith256(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs) {
    hm::request::answer_each<kInputWords, kOutputWords>(inputs, count, outputs, hm::arith256);
}

// Fills the first `count` rows of the zeroed table and adds to range_counts (2, 2^16: fewer bits, 16 bits).
// blocks: of one request in the chain.
extern "C" HM_EXPORT void hm_arith256_fill(const std::uint32_t* inputs, std::size_t count, std::size_t blocks,
                                           std::uint64_t* columns, std::size_t height, std::uint64_t* range_counts) {
    const hm::expand::Table table{columns, height};
    hm::expand::CountPool pool;
    hm::parallel_for(count, 256, [&](std::size_t begin, std::size_t end) {
        std::unique_ptr<hm::expand::Counts> counts = pool.take();
        for (std::size_t i = begin; i < end; ++i)
            table.put(i, cells(inputs + kInputWords * i, blocks * i, *counts));
        pool.give(std::move(counts));
    });
    for (const auto& counts : pool.all())
        for (std::size_t i = 0; i < hm::expand::kRangeRows; ++i) range_counts[i] += counts->of_range[i];
}
