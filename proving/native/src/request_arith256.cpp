// 256-bit modular arithmetic: a b + c modulo m, where m = 0 stands for 2^256, and its table.
#include <algorithm>

#include "executor.hpp"
#include "expand.hpp"
#include "expand/arith256_rows.hpp"
#include "export.hpp"
#include "modular.hpp"
#include "requests.hpp"

using hm::expand::arith256::kInputWords;

namespace {

constexpr std::size_t kOutputWords = 8;

}  // namespace

void hm::arith256(const std::uint32_t* inputs, std::uint32_t* outputs) {
    const auto found = modular::remainder(inputs, inputs + 8, inputs + 16, inputs + 24);
    std::copy_n(found.begin(), kOutputWords, outputs);
}

// inputs (count, 32) words: a, b, c, m, each the lowest first -> outputs (count, 8).
extern "C" HM_EXPORT void hm_arith256(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs) {
    hm::request::answer_each<kInputWords, kOutputWords>(inputs, count, outputs, hm::arith256);
}

// Fills the first `count` rows of the zeroed table and adds to range_counts (2, 2^16: fewer bits, 16 bits).
// blocks: of one request in the chain.
extern "C" HM_EXPORT void hm_arith256_fill(const std::uint32_t* inputs, std::size_t count, std::size_t blocks,
                                           std::uint64_t* columns, std::size_t height, std::uint64_t* range_counts) {
    const hm::expand::Table table{columns, height};
    hm::expand::CountPool pool;
    hm::parallel_for(count, 256, [&](std::size_t begin, std::size_t end) {
        std::unique_ptr<hm::expand::Counts> counts = pool.take();
        for (std::size_t i = begin; i < end; ++i)
            table.put(i, hm::expand::arith256::cells(inputs + kInputWords * i, blocks * i, *counts));
        pool.give(std::move(counts));
    });
    for (const auto& counts : pool.all())
        for (std::size_t i = 0; i < hm::expand::kRangeRows; ++i) range_counts[i] += counts->of_range[i];
}
