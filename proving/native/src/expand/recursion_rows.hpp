// Rows of recursion's hash table (proving/recursion/hash_table.py): one for each compression.
#pragma once

#include "expand/row.hpp"
#include "field/extension.hpp"
#include "hash/poseidon2_rows.hpp"

namespace hm::expand::recursion {

inline constexpr std::size_t kWidth = 16, kFull = 7;
// Words that a row is expanded from: the input, two bits, the challenge, and the combination.
inline constexpr std::size_t kInput = kWidth + 2 + 3 + 3;
// Columns, by what they hold.
inline constexpr std::size_t kInner = kWidth * (1 + kFull);
inline constexpr std::size_t kDigestColumn = kInner + 2 * rows::kInternal;
inline constexpr std::size_t kDigit = kDigestColumn + kDigest;
inline constexpr std::size_t kChallenge = kDigit + 2;
inline constexpr std::size_t kFourth = kChallenge + 3;
inline constexpr std::size_t kCombined = kFourth + 3;

// input: kInput elements.
HM_PORTABLE inline void fill_row(const std::uint64_t* input, std::size_t row, const rows::Constants& constants,
                                 const Table& table) {
    Fp state[kWidth];
    for (std::size_t i = 0; i < kWidth; ++i) {
        state[i] = Fp(input[i]);
        table.at(i, row) = input[i];
    }
    external_layer<kWidth>(state);
    for (std::size_t r = 0; r <= kFull; ++r) {
        if (r == 4)
            for (unsigned half = 0; half < 2; ++half)
                rows::internal_rounds(state, constants, half * rows::kInternal, [&](unsigned k, Fp x) {
                    table.at(kInner + half * rows::kInternal + k, row) = seventh_power(x).value;
                });
        for (std::size_t i = 0; i < kWidth; ++i) {
            state[i] = seventh_power(state[i] + Fp(r < 4 ? constants.initial[r][i] : constants.final[r - 4][i]));
            if (r < kFull) table.at(kWidth * (1 + r) + i, row) = state[i].value;
        }
        external_layer<kWidth>(state);
    }
    for (std::size_t i = 0; i < kDigest; ++i) table.at(kDigestColumn + i, row) = (state[i] + Fp(input[i])).value;
    const std::uint64_t *digits = input + kWidth, *challenge = digits + 2, *combined = challenge + 3;
    for (std::size_t i = 0; i < 2; ++i) table.at(kDigit + i, row) = digits[i];
    Ext<Fp> power{{Fp(challenge[0]), Fp(challenge[1]), Fp(challenge[2])}};
    power = power * power;
    power = power * power;
    for (std::size_t i = 0; i < 3; ++i) {
        table.at(kChallenge + i, row) = challenge[i];
        table.at(kFourth + i, row) = power.c[i].value;
        table.at(kCombined + i, row) = combined[i];
    }
}

}  // namespace hm::expand::recursion
