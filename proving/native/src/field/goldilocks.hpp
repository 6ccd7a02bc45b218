// The Goldilocks field, p = 2^64 - 2^32 + 1, one element at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hm {

inline constexpr std::uint64_t kPrime = 0xffffffff00000001ULL;
// 2^64 mod p.
inline constexpr std::uint64_t kEpsilon = 0xffffffffULL;
inline constexpr std::uint64_t kGenerator = 7;
inline constexpr unsigned kTwoAdicity = 32;

// Sums and differences modulo 2^64, in which the carry counts as epsilon; that must not carry again. The carry becomes a
// mask: it is as good as random, and a branch on it would be mispredicted half of the time. A difference of canonical
// numbers is canonical, because less epsilon is plus p modulo 2^64.
constexpr std::uint64_t add_with_epsilon(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t sum = a + b;
    return sum + ((0 - std::uint64_t{sum < a}) & kEpsilon);
}
constexpr std::uint64_t subtract_with_epsilon(std::uint64_t a, std::uint64_t b) {
    return a - b - ((0 - std::uint64_t{a < b}) & kEpsilon);
}

// Reduces a 128-bit number to some representative below 2^64.
// 2^64 = 2^32 - 1 and 2^96 = -1, so lo + 2^64 (h0 + 2^32 h1) = lo + (2^32 - 1) h0 - h1.
constexpr std::uint64_t reduce128_loose(unsigned __int128 x) {
    const auto lo = static_cast<std::uint64_t>(x);
    const auto hi = static_cast<std::uint64_t>(x >> 64);
    return add_with_epsilon(subtract_with_epsilon(lo, hi >> 32), (hi & kEpsilon) * kEpsilon);
}

constexpr std::uint64_t reduce64(std::uint64_t x) { return x >= kPrime ? x - kPrime : x; }

// An element; `value` is canonical (below p) at all times.
struct Fp {
    std::uint64_t value = 0;

    constexpr Fp() = default;
    constexpr explicit Fp(std::uint64_t canonical) : value(canonical) {}

    static constexpr std::size_t kLanes = 1;
    static constexpr Fp from_u64(std::uint64_t x) { return Fp(reduce64(x)); }
    static constexpr Fp from_u128(unsigned __int128 x) { return Fp(reduce64(reduce128_loose(x))); }
    static constexpr Fp broadcast(Fp x) { return x; }
    static constexpr Fp load(const std::uint64_t* source) { return Fp(*source); }
    constexpr void store(std::uint64_t* target) const { *target = value; }

    friend constexpr Fp operator+(Fp a, Fp b) {
        return Fp(subtract_with_epsilon(a.value, kPrime - b.value));
    }
    friend constexpr Fp operator-(Fp a, Fp b) {
        return Fp(subtract_with_epsilon(a.value, b.value));
    }
    friend constexpr Fp operator*(Fp a, Fp b) {
        return from_u128(static_cast<unsigned __int128>(a.value) * b.value);
    }
    constexpr Fp operator-() const { return Fp(value == 0 ? 0 : kPrime - value); }
    constexpr Fp& operator+=(Fp b) { return *this = *this + b; }
    constexpr Fp& operator-=(Fp b) { return *this = *this - b; }
    constexpr Fp& operator*=(Fp b) { return *this = *this * b; }
    friend constexpr bool operator==(Fp a, Fp b) = default;

    constexpr Fp square() const { return *this * *this; }
    constexpr Fp pow(std::uint64_t exponent) const {
        Fp base = *this;
        Fp result(1);
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1) result *= base;
            base = base.square();
        }
        return result;
    }
    // The inverse; zero for zero.
    constexpr Fp inverse() const { return pow(kPrime - 2); }
};

// 2^-k mod p.
constexpr Fp half_power(unsigned k) { return Fp(2).pow(k).inverse(); }

// The generator of the subgroup of order 2^log_order.
constexpr Fp root_of_unity(unsigned log_order) {
    Fp root = Fp(kGenerator).pow((kPrime - 1) >> kTwoAdicity);
    for (unsigned i = log_order; i < kTwoAdicity; ++i) root = root.square();
    return root;
}

// Reverses the low `bits` bits of index.
constexpr std::size_t reverse_bits(std::size_t index, unsigned bits) {
    std::size_t result = 0;
    for (unsigned i = 0; i < bits; ++i) result |= ((index >> i) & 1) << (bits - 1 - i);
    return result;
}

}  // namespace hm
