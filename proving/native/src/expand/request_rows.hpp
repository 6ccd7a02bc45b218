// Rows of the tables that take several rows for a request (proving/circuits/gadgets/steps.py): what they share.
//
// A table's turns are its requests and, behind them, requests of zeros that are not real; the last turn is cut off where
// the table ends. A type computes a turn row by row, and writes any one of them to cells, so that a thread of a device can write
// a row alone.
#pragma once

#include "expand/row.hpp"

namespace hm::expand {

// Words of the longest request.
inline constexpr std::size_t kLongestRequest = 50;

struct Request {
    const std::uint32_t* input;
    bool real;
    // In the chain, in blocks.
    std::uint64_t position;
};

// Of a table's requests (count, words), `blocks` in the chain each, or the one of zeros, `nothing`.
HM_PORTABLE inline Request request_at(const std::uint32_t* inputs, std::size_t count, std::size_t words, std::size_t blocks,
                                      std::size_t number, const std::uint32_t* nothing) {
    const bool real = number < count;
    return {real ? inputs + words * number : nothing, real, real ? blocks * number : 0};
}

// The cells of a row: numbers, and words by their bits.
class Cells {
  public:
    HM_PORTABLE Cells(const Table& table, std::size_t row) : table_(table), row_(row) {}
    HM_PORTABLE void put(std::size_t column, std::uint64_t value) const { table_.at(column, row_) = value; }
    HM_PORTABLE void bits(std::size_t column, std::uint32_t word) const {
        for (std::size_t z = 0; z < 32; ++z) put(column + z, word >> z & 1);
    }
    // 1 for 0, -1 for 1.
    HM_PORTABLE void signs(std::size_t column, std::uint32_t word, std::size_t count) const {
        for (std::size_t z = 0; z < count; ++z) put(column + z, word >> z & 1 ? kPrime - 1 : 1);
    }

  private:
    const Table& table_;
    std::size_t row_;
};

// The columns that come first: which row of `rows` it is, whether the request is real, and where it stands.
template <class Sink>
HM_PORTABLE void put_step(std::size_t row, std::size_t rows, const Request& request, const Sink& cells) {
    cells.put(row, 1);
    cells.put(rows, request.real);
    cells.put(rows + 1, request.position);
}

}  // namespace hm::expand
