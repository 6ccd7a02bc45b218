// The rows of one request in a table of requests that take several rows each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "expand.hpp"

namespace hm::request {

class Turn {
  public:
    Turn(const expand::Table& table, std::size_t first) : table_(table), first_(first) {}
    // Rows behind the table's end are cut off.
    void put(std::size_t row, std::size_t column, std::uint64_t value) const {
        if (first_ + row < table_.height) table_.at(column, first_ + row) = value;
    }
    void bits(std::size_t row, std::size_t column, std::uint32_t word) const {
        for (std::size_t z = 0; z < 32; ++z) put(row, column + z, word >> z & 1);
    }

  private:
    const expand::Table& table_;
    std::size_t first_;
};

}  // namespace hm::request
