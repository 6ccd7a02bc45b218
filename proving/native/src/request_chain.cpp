// The chain table of the basic circuits (proving/circuits/chain.py): a request chain and the rows of its compressions.
#include <algorithm>

#include "export.hpp"
#include "hash/poseidon2_rows.hpp"
#include "parallel.hpp"

namespace {

constexpr std::size_t kRate = 12;
constexpr std::size_t kChain = HM_COLUMN(Chain, digest);
constexpr std::size_t kReal = HM_COLUMN(Chain, real);
constexpr std::size_t kPosition = HM_COLUMN(Chain, position);
static_assert(kChain == hm::rows::kColumns);

void join(const std::uint64_t* digest, const std::uint64_t* block, std::uint64_t (&state)[16]) {
    std::copy_n(digest, 4, state);
    std::copy_n(block, kRate, state + 4);
}

}  // namespace

// digests (count + 1, 4), the first one given: absorbs the blocks (count, 12) one after the other.
extern "C" HM_EXPORT void hm_chain_absorb(const std::uint64_t* blocks, std::size_t count, std::uint64_t* digests) {
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t state[16];
        join(digests + 4 * i, blocks + kRate * i, state);
        hm::compress16(state, digests + 4 * (i + 1));
    }
}

// Fills the zeroed chain table: the blocks (count, 12) with the digests of hm_chain_absorb, then padding.
extern "C" HM_EXPORT void hm_chain_fill(const std::uint64_t* blocks, std::size_t count, const std::uint64_t* digests,
                                        std::uint64_t* columns, std::size_t height) {
    const hm::expand::Table table{columns, height};
    hm::parallel_for(height / hm::rows::kRows, 64, [&](std::size_t begin, std::size_t end) {
        static constexpr std::uint64_t kNothing[kRate] = {};
        for (std::size_t i = begin; i < end; ++i) {
            const bool real = i < count;
            const std::uint64_t* digest = digests + 4 * std::min(i, count);
            std::uint64_t state[16];
            join(digest, real ? blocks + kRate * i : kNothing, state);
            const std::size_t first = hm::rows::kRows * i;
            hm::rows::fill_permutation(state, hm::rows::kConstants, table, first);
            for (std::size_t row = first; row < first + hm::rows::kRows; ++row) {
                for (std::size_t lane = 0; lane < 4; ++lane) table.at(kChain + lane, row) = digest[lane];
                table.at(kReal, row) = real;
                table.at(kPosition, row) = i;
            }
        }
    });
}
