// The compression of SHA-256, and its table.
#include "executor.hpp"
#include "expand/sha256_rows.hpp"
#include "export.hpp"
#include "requests.hpp"

using namespace hm::expand::sha256;

void hm::sha256(const std::uint32_t* inputs, std::uint32_t* outputs) {
    Turn turn(inputs);
    for (std::size_t row = 1; row < kRows; ++row) turn.advance(row, inputs, kConstants);
    turn.result(outputs);
}

// inputs (count, 24) words: state and block -> outputs (count, 8): the next state.
extern "C" HM_EXPORT void hm_sha256(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs) {
    hm::request::answer_each<kInputWords, kStateWords>(inputs, count, outputs, hm::sha256);
}

// Fills the zeroed table: 18 rows for each request, then turns of zeros, the last one cut off where the table ends.
// blocks: of one request in the chain.
extern "C" HM_EXPORT void hm_sha256_fill(const std::uint32_t* inputs, std::size_t count, std::size_t blocks,
                                         std::uint64_t* columns, std::size_t height, std::uint64_t*) {
    const hm::expand::Table table{columns, height};
    hm::request::fill_turns(inputs, count, kInputWords, blocks, height, kRows,
                            [&](const hm::expand::Request& request, std::size_t first, std::size_t rows) {
                                Turn turn(request.input);
                                for (std::size_t row = 0; row < rows; ++row) {
                                    if (row > 0) turn.advance(row, request.input, kConstants);
                                    turn.put(row, request, hm::expand::Cells(table, first + row));
                                }
                            });
}
