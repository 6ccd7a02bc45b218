// Rows of the page table (proving/machine/main_vm/page.py): two for each block and node, before and after.
#pragma once

#include "expand/row.hpp"

namespace hm::expand {

inline constexpr std::size_t kBlockWords = 16;
// Words of a block's record and of a node's key.
inline constexpr std::size_t kBlockRecord = 2 + 4 * kBlockWords, kNodeKey = 4;

// record: space, index, the words before, the words after, the times at which they start, those of their last accesses.
HM_PORTABLE inline void fill_block(const std::uint32_t* record, std::size_t number, const Compressions& compressions,
                                   const Table& table) {
    for (std::size_t after = 0; after < 2; ++after) {
        const std::size_t row = 2 * number + after;
        columns::Page cells{.block = 1, .space = record[0], .index = record[1],
                            .digest = compressions.digest(compressions.pages[row])};
        for (std::size_t i = 0; i < kBlockWords; ++i) {
            cells.element[i] = record[2 + kBlockWords * after + i];
            cells.time[i] = record[2 + kBlockWords * (2 + after) + i];
        }
        table.put(row, cells);
    }
}

// key: space, level, index, which children are touched; its rows follow those of `blocks` blocks.
HM_PORTABLE inline void fill_node(const std::uint32_t* key, std::size_t blocks, std::size_t number,
                                  const Compressions& compressions, const Table& table) {
    for (std::size_t after = 0; after < 2; ++after) {
        const std::size_t row = 2 * (blocks + number) + after;
        const std::uint32_t compression = compressions.pages[row];
        columns::Page cells{.node = 1, .space = key[0], .level = key[1], .index = key[2],
                            .digest = compressions.digest(compression)};
        if (!after)
            for (std::size_t i = 0; i < 4; ++i) cells.touched[i] = key[3] >> i & 1;
        for (std::size_t i = 0; i < 4 * kDigest; ++i) cells.element[i] = compressions.input(compression)[i];
        table.put(row, cells);
    }
}

}  // namespace hm::expand
