// Keccak-f[1600]: requests, and their table.
#include <algorithm>
#include <array>
#include <vector>

#include "executor.hpp"
#include "expand/keccak_f_rows.hpp"
#include "export.hpp"
#include "requests.hpp"

using namespace hm::expand::keccak_f;

namespace {

// The signs of a turn by column and row, so that the table is written along its columns.
using Signs = std::vector<std::array<std::uint8_t, kRows>>;

class TurnCells : public hm::expand::Cells {
  public:
    TurnCells(const hm::expand::Table& table, std::size_t first, std::size_t row, Signs& kept)
        : Cells(table, first + row), row_(row), kept_(kept) {}
    void signs(std::size_t column, std::uint32_t word, std::size_t count) const {
        for (std::size_t z = 0; z < count; ++z) kept_[column - kEdge + z][row_] = word >> z & 1;
    }

  private:
    std::size_t row_;
    Signs& kept_;
};

}  // namespace

void hm::keccak_f(const std::uint32_t* inputs, std::uint32_t* outputs) { keccak::permute(inputs, outputs); }

// inputs (count, 50) words -> outputs (count, 50): the permutation.
extern "C" HM_EXPORT void hm_keccak_f(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs) {
    hm::request::answer_each<hm::keccak::kWords, hm::keccak::kWords>(inputs, count, outputs, hm::keccak_f);
}

// Fills the zeroed table: 48 rows for each request, then permutations of zero, the last one cut off where the table ends.
// blocks: of one request in the chain.
extern "C" HM_EXPORT void hm_keccak_f_fill(const std::uint32_t* inputs, std::size_t count, std::size_t blocks,
                                           std::uint64_t* columns, std::size_t height, std::uint64_t*) {
    const hm::expand::Table table{columns, height};
    hm::request::fill_turns(
        inputs, count, hm::keccak::kWords, blocks, height, kRows,
        [&](const hm::expand::Request& request, std::size_t first, std::size_t rows) {
            thread_local Signs signs(kColumns - kEdge);
            hm::keccak::State state = hm::keccak::load(request.input);
            for (std::size_t round = 0; 2 * round < rows; ++round) {
                const Round now(state, round, hm::keccak::kConstants);
                for (std::size_t half = 0; half < 2 && 2 * round + half < rows; ++half)
                    now.row(round, half, request, TurnCells(table, first, 2 * round + half, signs));
                state = now.next;
            }
            for (std::size_t column = 0; column < signs.size(); ++column)
                for (std::size_t row = 0; row < rows; ++row)
                    table.at(kEdge + column, first + row) = signs[column][row] ? hm::kPrime - 1 : 1;
        });
}
