// Division of numbers of sixteen words by such of eight, the lowest first: quotient and remainder.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "portable.hpp"

namespace hm::modular {

template <std::size_t size>
using Words = std::array<std::uint32_t, size>;

struct Division {
    Words<16> quotient;
    Words<8> remainder;
};

HM_PORTABLE inline Words<16> multiply_add(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c) {
    Words<16> result{};
    std::copy_n(c, 8, result.begin());
    for (std::size_t i = 0; i < 8; ++i) {
        std::uint64_t carry = 0;
        for (std::size_t j = 0; j < 8 || carry != 0; ++j) {
            carry += result[i + j] + (j < 8 ? std::uint64_t{a[i]} * b[j] : 0);
            result[i + j] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
    }
    return result;
}

HM_PORTABLE inline Division divide_by_word(const Words<16>& value, std::uint32_t m) {
    Division found{};
    std::uint64_t rest = 0;
    for (std::size_t i = value.size(); i-- > 0;) {
        rest = rest << 32 | value[i];
        found.quotient[i] = static_cast<std::uint32_t>(rest / m);
        rest %= m;
    }
    found.remainder[0] = static_cast<std::uint32_t>(rest);
    return found;
}

// One word of a quotient: an estimate from the leading words of `left` (n + 1 words) and m (n words, top bit set), which is
// at most two too large, and mostly right after it was compared with one word more.
HM_PORTABLE inline std::uint64_t estimate(const std::uint32_t* left, const std::uint32_t* m, std::size_t n) {
    const std::uint64_t top = std::uint64_t{left[n]} << 32 | left[n - 1];
    std::uint64_t quotient = top / m[n - 1], rest = top % m[n - 1];
    while (quotient >> 32 || quotient * m[n - 2] > (rest << 32 | left[n - 2])) {
        --quotient;
        rest += m[n - 1];
        if (rest >> 32) break;
    }
    return quotient;
}

// left -= quotient m, n + 1 words; returns whether that was one m too much.
HM_PORTABLE inline bool subtract(std::uint32_t* left, const std::uint32_t* m, std::size_t n, std::uint64_t quotient) {
    std::uint64_t carry = 0, borrow = 0;
    for (std::size_t i = 0; i <= n; ++i) {
        carry += i < n ? quotient * m[i] : 0;
        const std::uint64_t difference = std::uint64_t{left[i]} - static_cast<std::uint32_t>(carry) - borrow;
        left[i] = static_cast<std::uint32_t>(difference);
        borrow = difference >> 63;
        carry >>= 32;
    }
    return borrow != 0;
}

HM_PORTABLE inline void add_back(std::uint32_t* left, const std::uint32_t* m, std::size_t n) {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i <= n; ++i) {
        carry += std::uint64_t{left[i]} + (i < n ? m[i] : 0);
        left[i] = static_cast<std::uint32_t>(carry);
        carry >>= 32;
    }
}

// Divides word by word (Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithm D); m = 0 stands for 2^256.
HM_PORTABLE inline Division divide(const Words<16>& value, const std::uint32_t* m) {
    std::size_t n = 8;
    while (n > 0 && m[n - 1] == 0) --n;
    if (n == 1) return divide_by_word(value, m[0]);
    Division found{};
    if (n == 0) {
        std::copy_n(value.begin() + 8, 8, found.quotient.begin());
        std::copy_n(value.begin(), 8, found.remainder.begin());
        return found;
    }
    // Both are shifted until m's top bit is set.
    const int shift = std::countl_zero(m[n - 1]);
    const auto shifted = [shift](std::uint32_t high, std::uint32_t low) {
        return static_cast<std::uint32_t>((std::uint64_t{high} << 32 | low) << shift >> 32);
    };
    Words<8> divisor{};
    for (std::size_t i = 0; i < n; ++i) divisor[i] = shifted(m[i], i > 0 ? m[i - 1] : 0);
    Words<17> left;
    for (std::size_t i = 0; i <= 16; ++i) left[i] = shifted(i < 16 ? value[i] : 0, i > 0 ? value[i - 1] : 0);
    for (std::size_t i = 17 - n; i-- > 0;) {
        std::uint64_t quotient = estimate(&left[i], divisor.data(), n);
        if (subtract(&left[i], divisor.data(), n, quotient)) {
            --quotient;
            add_back(&left[i], divisor.data(), n);
        }
        found.quotient[i] = static_cast<std::uint32_t>(quotient);
    }
    for (std::size_t i = 0; i < n; ++i)
        found.remainder[i] = static_cast<std::uint32_t>((std::uint64_t{left[i + 1]} << 32 | left[i]) >> shift);
    return found;
}

}  // namespace hm::modular
