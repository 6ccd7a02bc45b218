// Keccak-f[1600]: the permutation of FIPS 202.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "portable.hpp"

namespace hm::keccak {

inline constexpr std::size_t kLanes = 25;
inline constexpr std::size_t kWords = 2 * kLanes;
inline constexpr std::size_t kRounds = 24;

using State = std::array<std::uint64_t, kLanes>;
using Parities = std::array<std::uint64_t, 5>;

struct Constants {
    std::array<std::uint64_t, kRounds> round{};
    std::array<unsigned, kLanes> rotation{};
    std::array<std::size_t, kLanes> place{};

    // As FIPS 202 defines them: a shift register for the rounds, a walk over the lanes for the rotations.
    constexpr Constants() {
        unsigned lfsr = 1;
        for (std::uint64_t& constant : round)
            for (unsigned j = 0; j < 7; ++j) {
                if (lfsr & 1) constant |= std::uint64_t{1} << ((1u << j) - 1);
                lfsr = lfsr << 1 ^ (lfsr >> 7) * 0x171;
            }
        std::size_t x = 1, y = 0;
        for (unsigned t = 0; t < 24; ++t) {
            rotation[x + 5 * y] = (t + 1) * (t + 2) / 2 % 64;
            const std::size_t next = (2 * x + 3 * y) % 5;
            x = y;
            y = next;
        }
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const std::size_t column = lane % 5, row = lane / 5;
            place[lane] = row + 5 * ((2 * column + 3 * row) % 5);
        }
    }
};
inline constexpr Constants kConstants;

HM_PORTABLE inline State load(const std::uint32_t* words) {
    State state;
    for (std::size_t i = 0; i < kLanes; ++i) state[i] = words[2 * i] | std::uint64_t{words[2 * i + 1]} << 32;
    return state;
}

HM_PORTABLE inline Parities parities(const State& state) {
    Parities found{};
    for (std::size_t i = 0; i < kLanes; ++i) found[i % 5] ^= state[i];
    return found;
}

// The first step of a round.
HM_PORTABLE inline State mixed(State state, const Parities& parity) {
    for (std::size_t i = 0; i < kLanes; ++i) state[i] ^= parity[(i + 4) % 5] ^ std::rotl(parity[(i + 1) % 5], 1);
    return state;
}

// The steps after the first.
HM_PORTABLE inline State finished(const State& state, std::size_t round, const Constants& constants) {
    State moved, result;
    for (std::size_t i = 0; i < kLanes; ++i)
        moved[constants.place[i]] = std::rotl(state[i], static_cast<int>(constants.rotation[i]));
    for (std::size_t i = 0; i < kLanes; ++i) {
        const std::size_t row = i - i % 5;
        result[i] = moved[i] ^ (~moved[row + (i + 1) % 5] & moved[row + (i + 2) % 5]);
    }
    result[0] ^= constants.round[round];
    return result;
}

// 50 words become those of the permuted state, in another place or in the same.
inline void permute(const std::uint32_t* inputs, std::uint32_t* outputs) {
    State state = load(inputs);
    for (std::size_t round = 0; round < kRounds; ++round)
        state = finished(mixed(state, parities(state)), round, kConstants);
    for (std::size_t word = 0; word < kWords; ++word)
        outputs[word] = static_cast<std::uint32_t>(state[word / 2] >> 32 * (word % 2));
}

}  // namespace hm::keccak
