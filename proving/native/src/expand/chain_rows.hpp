// Rows of the chain table of the basic circuits (proving/circuits/chain.py): eight for each block.
#pragma once

#include "expand/row.hpp"
#include "hash/poseidon2_rows.hpp"

namespace hm::expand::chain {

inline constexpr std::size_t kRate = 12;
inline constexpr std::size_t kDigestColumn = HM_COLUMN(Chain, digest);
inline constexpr std::size_t kReal = HM_COLUMN(Chain, real);
inline constexpr std::size_t kPosition = HM_COLUMN(Chain, position);
static_assert(kDigestColumn == rows::kColumns);

HM_PORTABLE inline void join(const std::uint64_t* digest, const std::uint64_t* block, std::uint64_t (&state)[16]) {
    for (std::size_t i = 0; i < kDigest; ++i) state[i] = digest[i];
    for (std::size_t i = 0; i < kRate; ++i) state[kDigest + i] = block == nullptr ? 0 : block[i];
}

// The rows of compression `number`: of blocks (count, 12) with the digests (count + 1, 4) around them, or padding.
HM_PORTABLE inline void fill_compression(const std::uint64_t* blocks, std::size_t count, const std::uint64_t* digests,
                                         std::size_t number, const rows::Constants& constants, const Table& table) {
    const bool real = number < count;
    const std::uint64_t* digest = digests + kDigest * (real ? number : count);
    std::uint64_t state[16];
    join(digest, real ? blocks + kRate * number : nullptr, state);
    const std::size_t first = rows::kRows * number;
    rows::fill_permutation(state, constants, table, first);
    for (std::size_t row = first; row < first + rows::kRows; ++row) {
        for (std::size_t lane = 0; lane < kDigest; ++lane) table.at(kDigestColumn + lane, row) = digest[lane];
        table.at(kReal, row) = real;
        table.at(kPosition, row) = number;
    }
}

}  // namespace hm::expand::chain
