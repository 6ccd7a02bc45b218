// Rows of the table of idle words (proving/machine/main_vm/idle.py).
#pragma once

#include "expand/row.hpp"

namespace hm::expand {

inline constexpr std::size_t kIdleRecord = 5;
// Distance of two address spaces in memory keys, as in proving/machine/main_vm/buses.py.
inline constexpr std::uint64_t kSpace = std::uint64_t{1} << 40;

// record: space, address, the word, the times from and to which it is idle.
template <class Counts>
HM_PORTABLE void fill_idle(const std::uint32_t* record, std::size_t row, Counts& counts, const Table& table) {
    const std::uint32_t since = record[4] - record[3] - 1;
    counts.check(16, since & 0xffff);
    counts.check(8, since >> 16);
    table.put(row, columns::Idle{.real = 1, .key = kSpace * record[0] + record[1], .value = record[2],
                                 .previous = record[3], .low = since & 0xffff, .high = since >> 16});
}

}  // namespace hm::expand
