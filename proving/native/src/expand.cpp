// Expansion of a segment's instruction records to the columns of main_vm, and of the lookups they make.
#include "expand.hpp"

#include "export.hpp"

namespace {

using namespace hm::expand;

using Fill = void (*)(const Context&, const std::uint32_t*, std::size_t, const Table&);

constexpr Fill kFills[] = {fill_add, fill_control, fill_bitwise, fill_shift, fill_mul, fill_div,
                           fill_memory_word, fill_memory_sub, fill_poseidon2_call, fill_request, fill_keccak};
constexpr std::size_t kFamilies = std::size(kFills);

void add_counts(const std::vector<std::unique_ptr<Counts>>& all, std::vector<std::uint32_t> Counts::* part, std::uint64_t* out) {
    for (const auto& counts : all) {
        const std::vector<std::uint32_t>& from = (*counts).*part;
        hm::parallel_for(from.size(), kGrain, [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) out[i] += from[i];
        });
    }
}

}  // namespace

// Fills the ten instruction tables (in the order of proving/machine/records.py, FAMILIES), decode, and the counts of
// range, byte_and and constant.
//
// records, rows: for each family its records and how many; decode: (decode_count, 3) words; constants: the constant
// table. columns, heights: for each family and then decode, its first row in a table's zeroed columns, and the table's
// height; two families may share a table. range_counts (2, 2^16: fewer bits, 16 bits),
// byte_counts (2, 2^16: conjunctions, pairs), constant_counts (1024): zeroed.
// Returns 0, 1 when a decode row is no instruction, 2 when a record's pc has no decode row.
extern "C" HM_EXPORT int hm_expand_families(const std::uint32_t* const* records, const std::uint64_t* rows,
                                            const std::uint32_t* decode, std::size_t decode_count,
                                            const std::uint64_t* constants, std::uint64_t* const* columns,
                                            const std::uint64_t* heights, std::uint64_t* range_counts,
                                            std::uint64_t* byte_counts, std::uint64_t* constant_counts) {
    std::vector<Decoded> decoded;
    if (!decode_rows(decode, decode_count, constants, decoded)) return 1;
    const Fetch fetch(decoded);
    CountPool pool;
    std::atomic<bool> failed = false;
    {
        std::unique_ptr<Counts> counts = pool.take();
        fill_decode(decoded, decode, *counts, {columns[kFamilies], heights[kFamilies]});
        pool.give(std::move(counts));
    }
    const Context context{fetch, pool, failed};
    for (std::size_t family = 0; family < kFamilies && !failed; ++family)
        kFills[family](context, records[family], rows[family], {columns[family], heights[family]});
    if (failed) return 2;
    add_counts(pool.all(), &Counts::range, range_counts);
    add_counts(pool.all(), &Counts::conjunctions, byte_counts);
    add_counts(pool.all(), &Counts::pairs, byte_counts + kByteRows);
    add_counts(pool.all(), &Counts::constants, constant_counts);
    return 0;
}
