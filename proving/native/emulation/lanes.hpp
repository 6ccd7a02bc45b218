// What the emulated vector registers have in common: 64-bit lanes, the lowest first.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hm {

template <std::size_t count>
struct Lanes {
    static constexpr std::size_t kCount = count;
    std::uint64_t lane[count];
};

// The register whose lane i is value(i).
template <class Register, class Value>
inline Register each_lane(Value value) {
    Register result;
    for (std::size_t i = 0; i < Register::kCount; ++i) result.lane[i] = value(i);
    return result;
}

// The 32-bit elements of a lane, each from `set` where its bit of the mask is set: bit 0 is the lower one.
inline std::uint64_t blend_words(unsigned mask, std::uint64_t clear, std::uint64_t set) {
    const std::uint64_t chosen = (mask & 1 ? 0xffffffffULL : 0) | (mask & 2 ? 0xffffffffULL << 32 : 0);
    return (clear & ~chosen) | (set & chosen);
}

inline std::uint64_t low_word(std::uint64_t x) { return x & 0xffffffffULL; }

// Shifts of vector instructions do not wrap: counts from 64 on shift everything out.
inline std::uint64_t shifted_left(std::uint64_t x, unsigned count) { return count > 63 ? 0 : x << count; }
inline std::uint64_t shifted_right(std::uint64_t x, unsigned count) { return count > 63 ? 0 : x >> count; }

}  // namespace hm
