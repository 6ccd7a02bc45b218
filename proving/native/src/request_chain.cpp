// The request chain of the basic circuits, and its table.
#include "expand/chain_rows.hpp"
#include "export.hpp"
#include "parallel.hpp"

using namespace hm::expand;

// digests (count + 1, 4), the first one given: absorbs the blocks (count, 12) one after the other.
extern "C" HM_EXPORT void hm_chain_absorb(const std::uint64_t* blocks, std::size_t count, std::uint64_t* digests) {
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t state[16];
        chain::join(digests + kDigest * i, blocks + chain::kRate * i, state);
        hm::compress16(state, digests + kDigest * (i + 1));
    }
}

// Fills the zeroed chain table: the blocks (count, 12) with the digests of hm_chain_absorb, then padding.
extern "C" HM_EXPORT void hm_chain_fill(const std::uint64_t* blocks, std::size_t count, const std::uint64_t* digests,
                                        std::uint64_t* columns, std::size_t height) {
    const Table table{columns, height};
    hm::parallel_for(height / hm::rows::kRows, 64, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            chain::fill_compression(blocks, count, digests, i, hm::rows::kConstants, table);
    });
}
