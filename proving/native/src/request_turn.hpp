// What types of requests share: answers of many requests, and the rows of one in a table where it takes several rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "expand.hpp"

namespace hm::request {

// Answers `count` requests of so many words each, one behind the other.
template <std::size_t input_words, std::size_t output_words>
void answer_each(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs,
                 void (*answer)(const std::uint32_t*, std::uint32_t*)) {
    parallel_for(count, 256, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) answer(inputs + input_words * i, outputs + output_words * i);
    });
}

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
