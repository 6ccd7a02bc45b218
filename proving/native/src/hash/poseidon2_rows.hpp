// The eight rows of a permutation, as proving/circuits/gadgets/poseidon2.py describes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "expand/row.hpp"
#include "hash/poseidon2.hpp"

namespace hm::rows {

inline constexpr unsigned kRows = 8;
// Internal rounds on each of rows 3 and 4.
inline constexpr unsigned kInternal = 11;
inline constexpr std::size_t kCube = 16;
inline constexpr std::size_t kInner = 32;
inline constexpr std::size_t kInnerCube = kInner + kInternal;
// Columns of a permutation; a table may have others behind them.
inline constexpr std::size_t kColumns = kInnerCube + kInternal;

// What the rounds add and the internal matrix's diagonal less one, in one object: in constant memory on a device.
struct Constants {
    std::uint64_t initial[4][16];
    std::uint64_t internal[2 * kInternal];
    std::uint64_t final[4][16];
    std::uint64_t diagonal[16];
};

constexpr Constants make_constants() {
    using Source = Poseidon2Constants<16>;
    Constants made{};
    for (unsigned i = 0; i < 16; ++i) {
        for (unsigned r = 0; r < 4; ++r) {
            made.initial[r][i] = Source::kInitial[r][i];
            made.final[r][i] = Source::kFinal[r][i];
        }
        made.diagonal[i] = internal_diagonal<16>()[i].value;
    }
    for (unsigned k = 0; k < 2 * kInternal; ++k) made.internal[k] = Source::kInternal[k];
    return made;
}

inline constexpr Constants kConstants = make_constants();

// Eleven internal rounds on `lanes`, from round `first` on; on_round(k, S-box input) sees each.
template <class OnRound>
HM_PORTABLE void internal_rounds(Fp* lanes, const Constants& constants, unsigned first, OnRound&& on_round) {
    for (unsigned k = 0; k < kInternal; ++k) {
        const Fp x = lanes[0] + Fp(constants.internal[first + k]);
        on_round(k, x);
        lanes[0] = seventh_power(x);
        Fp sum;
        for (unsigned i = 0; i < 16; ++i) sum += lanes[i];
        for (unsigned i = 0; i < 16; ++i) lanes[i] = lanes[i] * Fp(constants.diagonal[i]) + sum;
    }
}

// Writes a permutation's columns on the rows from `first` on, in a zeroed table; input: 16 lanes. Returns the output.
HM_PORTABLE inline std::array<Fp, 16> fill_permutation(const std::uint64_t* input, const Constants& constants,
                                                       const expand::Table& table, std::size_t first) {
    const auto cube = [](Fp x) { return x.square() * x; };
    std::array<Fp, 16> state;
    for (unsigned i = 0; i < 16; ++i) state[i] = Fp(input[i]);
    for (unsigned r = 0; r < kRows; ++r) {
        const std::size_t row = first + r;
        for (unsigned i = 0; i < 16; ++i) table.at(i, row) = state[i].value;
        if (r == 4) {
            internal_rounds(state.data(), constants, kInternal, [&](unsigned k, Fp x) {
                table.at(kInner + k, row) = seventh_power(x).value;
                table.at(kInnerCube + k, row) = cube(x).value;
            });
        } else {
            external_layer<16>(state.data());
        }
        for (unsigned i = 0; i < 16; ++i) {
            const Fp x = state[i] + Fp(r < 4 ? constants.initial[r][i] : constants.final[r - 4][i]);
            const Fp c = cube(x);
            table.at(kCube + i, row) = c.value;
            state[i] = c.square() * x;
        }
        if (r == 3) {
            external_layer<16>(state.data());
            internal_rounds(state.data(), constants, 0, [&](unsigned k, Fp x) {
                table.at(kInner + k, row) = x.value;
                table.at(kInnerCube + k, row) = cube(x).value;
            });
        }
    }
    external_layer<16>(state.data());
    return state;
}

}  // namespace hm::rows
