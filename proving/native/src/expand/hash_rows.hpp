// Rows of the poseidon2 table: eight for each compression.
#pragma once

#include "expand/row.hpp"
#include "hash/poseidon2_rows.hpp"

namespace hm::expand {

// The rows of compression `number` that is looked up `count` times; input: 16 elements.
HM_PORTABLE inline void fill_compression(const std::uint64_t* input, std::uint32_t count, std::size_t number,
                                         const rows::Constants& constants, const Table& table) {
    constexpr std::size_t output = HM_COLUMN(Poseidon2, output);
    static_assert(output == rows::kColumns && kCompressionRows == rows::kRows);
    const std::size_t first = number * rows::kRows;
    const std::array<Fp, 16> permuted = rows::fill_permutation(input, constants, table, first);
    for (unsigned r = 0; r < rows::kRows; ++r)
        for (unsigned i = 0; i < kDigest; ++i) table.at(output + i, first + r) = permuted[i].value;
    table.at(HM_COLUMN(Poseidon2, count), first) = count;
}

}  // namespace hm::expand
