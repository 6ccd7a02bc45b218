// The eight rows of a permutation, as proving/circuits/gadgets/poseidon2.py describes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "expand.hpp"
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

// Eleven internal rounds on `lanes`; on_round(k, S-box input) sees each.
template <class OnRound>
void internal_rounds(Fp* lanes, const std::uint64_t* constants, OnRound&& on_round) {
    static constexpr auto diagonal = internal_diagonal<16>();
    for (unsigned k = 0; k < kInternal; ++k) {
        const Fp x = lanes[0] + Fp(constants[k]);
        on_round(k, x);
        lanes[0] = seventh_power(x);
        Fp sum;
        for (unsigned i = 0; i < 16; ++i) sum += lanes[i];
        for (unsigned i = 0; i < 16; ++i) lanes[i] = lanes[i] * diagonal[i] + sum;
    }
}

// Writes a permutation's columns on the rows from `first` on, in a zeroed table; input: 16 lanes. Returns the output.
inline std::array<Fp, 16> fill_permutation(const std::uint64_t* input, const expand::Table& table, std::size_t first) {
    using Constants = Poseidon2Constants<16>;
    const auto cube = [](Fp x) { return x.square() * x; };
    std::array<Fp, 16> state;
    for (unsigned i = 0; i < 16; ++i) state[i] = Fp(input[i]);
    for (unsigned r = 0; r < kRows; ++r) {
        const std::size_t row = first + r;
        for (unsigned i = 0; i < 16; ++i) table.at(i, row) = state[i].value;
        if (r == 4) {
            internal_rounds(state.data(), Constants::kInternal + kInternal, [&](unsigned k, Fp x) {
                table.at(kInner + k, row) = seventh_power(x).value;
                table.at(kInnerCube + k, row) = cube(x).value;
            });
        } else {
            external_layer<16>(state.data());
        }
        const std::uint64_t* constants = r < 4 ? Constants::kInitial[r] : Constants::kFinal[r - 4];
        for (unsigned i = 0; i < 16; ++i) {
            const Fp x = state[i] + Fp(constants[i]);
            const Fp c = cube(x);
            table.at(kCube + i, row) = c.value;
            state[i] = c.square() * x;
        }
        if (r == 3) {
            external_layer<16>(state.data());
            internal_rounds(state.data(), Constants::kInternal, [&](unsigned k, Fp x) {
                table.at(kInner + k, row) = x.value;
                table.at(kInnerCube + k, row) = cube(x).value;
            });
        }
    }
    external_layer<16>(state.data());
    return state;
}

}  // namespace hm::rows
