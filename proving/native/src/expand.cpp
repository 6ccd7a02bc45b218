// Expansion of a segment's execution records to the columns of main_vm, and of the lookups they make.
#include "expand.hpp"

#include <array>
#include <unordered_map>

#include "expand/call_rows.hpp"
#include "expand/cycle_rows.hpp"
#include "expand/decode_rows.hpp"
#include "expand/hash_rows.hpp"
#include "expand/idle_rows.hpp"
#include "expand/memory_rows.hpp"
#include "expand/page_rows.hpp"
#include "export.hpp"

namespace hm::expand {

void invert(const Table& table, std::size_t column, std::size_t flag, std::size_t count) {
    std::uint64_t* const cells = table.data + column * table.height;
    const auto chosen = [&](std::size_t row) {
        return cells[row] != 0 && (flag == kEveryRow || table.at(flag, row) != 0);
    };
    parallel_for(count, kGrain, [&](std::size_t from, std::size_t to) {
        std::vector<Fp> before(to - from);
        Fp product(1);
        for (std::size_t i = from; i < to; ++i) {
            before[i - from] = product;
            if (chosen(i)) product *= Fp(cells[i]);
        }
        Fp inverse = product.inverse();
        for (std::size_t i = to; i-- > from;) {
            if (!chosen(i)) continue;
            const Fp cell(cells[i]);
            cells[i] = (inverse * before[i - from]).value;
            inverse *= cell;
        }
    });
}

}  // namespace hm::expand

namespace {

using namespace hm::expand;

using Fill = void (*)(const Context&, const std::uint32_t*, std::size_t, const Table&);

constexpr Fill kFills[] = {
    fill_records<AddImmediateRows>, fill_records<AddRows>,           fill_records<ControlRows>,
    fill_records<BitwiseRows>,      fill_records<ShiftRows>,         fill_records<MulRows>,
    fill_records<DivRows>,          fill_records<MemoryWordRows>,    fill_records<MemorySubRows>,
    fill_records<Poseidon2CallRows>, fill_records<RequestRows>,      fill_records<KeccakRows>};
constexpr std::size_t kFamilies = std::size(kFills);

constexpr std::size_t kWidth = 16;
using Input = std::array<std::uint64_t, kWidth>;

struct InputHash {
    std::size_t operator()(const Input* input) const {
        std::uint64_t hash = 0;
        for (const std::uint64_t lane : *input) hash = (hash ^ lane) * 0x9e3779b97f4a7c15ULL, hash ^= hash >> 29;
        return hash;
    }
};
struct InputEqual {
    bool operator()(const Input* a, const Input* b) const { return *a == *b; }
};

// Decodes the rows (pc, word, count); false when a word is no instruction.
bool decode_rows(const std::uint32_t* rows, std::size_t count, const std::uint64_t* constants, std::vector<Decoded>& out) {
    out.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        if (!decode(rows[3 * i], rows[3 * i + 1], constants, out[i])) return false;
    return true;
}

void add_counts(const std::vector<std::unique_ptr<Counts>>& all, std::vector<std::uint32_t> CountVectors::* part,
                std::uint64_t* out) {
    for (const auto& counts : all) {
        const std::vector<std::uint32_t>& from = (*counts).*part;
        hm::parallel_for(from.size(), kGrain, [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) out[i] += from[i];
        });
    }
}

}  // namespace

// Finds the distinct inputs among (count, 16): writes each input's number in order of first appearance to ids (count),
// and the index of each distinct input's first appearance to firsts; returns how many there are.
extern "C" HM_EXPORT std::size_t hm_expand_distinct16(const std::uint64_t* inputs, std::size_t count, std::uint32_t* ids,
                                                      std::uint32_t* firsts) {
    const auto* list = reinterpret_cast<const Input*>(inputs);
    std::unordered_map<const Input*, std::uint32_t, InputHash, InputEqual> found;
    found.reserve(2 * count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto [entry, inserted] = found.try_emplace(list + i, static_cast<std::uint32_t>(found.size()));
        if (inserted) firsts[entry->second] = static_cast<std::uint32_t>(i);
        ids[i] = entry->second;
    }
    return found.size();
}

// Fills the poseidon2 table: the compressions of (count, 16) inputs with their counts, then compressions of zero.
extern "C" HM_EXPORT void hm_expand_poseidon2(const std::uint64_t* inputs, const std::uint32_t* counts, std::size_t count,
                                              std::uint64_t* columns, std::size_t height) {
    const Table table{columns, height};
    const Input zero{};
    hm::parallel_for(height / kCompressionRows, 64, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const bool used = i < count;
            fill_compression(used ? inputs + kWidth * i : zero.data(), used ? counts[i] : 0, i, hm::rows::kConstants, table);
        }
    });
}

// Fills the page table: (blocks, 66) words and (nodes, 4) words, two rows each. pages: the number of each row's
// compression among the inputs, whose table is filled.
extern "C" HM_EXPORT void hm_expand_pages(const std::uint32_t* blocks, std::size_t block_count, const std::uint32_t* nodes,
                                          std::size_t node_count, const std::uint64_t* inputs,
                                          const std::uint32_t* pages, std::uint64_t* compressed,
                                          std::size_t compressed_height, std::uint64_t* columns, std::size_t height) {
    const Compressions compressions{inputs, {compressed, compressed_height}, nullptr, pages};
    const Table table{columns, height};
    hm::parallel_for(block_count, 64, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) fill_block(blocks + kBlockRecord * i, i, compressions, table);
    });
    hm::parallel_for(node_count, 64, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) fill_node(nodes + kNodeKey * i, block_count, i, compressions, table);
    });
}

// Fills the instruction tables (in the order of proving/machine/records.py, FAMILIES), idle, decode, and the counts of
// range, byte_and and constant.
//
// records, rows: for each family, and for idle, its records and how many; decode: (decode_count, 3) words; constants: the constant
// table. inputs, calls, compressed: of the compressions, whose table is filled, and the number of each Poseidon2 call's
// among them. columns, heights: for each family, then idle and decode, its first row in a table's zeroed columns, and the
// table's height; two families may share a table. range_counts (2, 2^16: fewer bits, 16 bits),
// byte_counts (2, 2^16: conjunctions, pairs), constant_counts (1024): zeroed.
// Returns 0, 1 when a decode row is no instruction, 2 when a record's pc has no decode row.
extern "C" HM_EXPORT int hm_expand_families(const std::uint32_t* const* records, const std::uint64_t* rows,
                                            const std::uint32_t* decode, std::size_t decode_count,
                                            const std::uint64_t* constants, const std::uint64_t* inputs,
                                            const std::uint32_t* calls, std::uint64_t* compressed,
                                            std::size_t compressed_height, std::uint64_t* const* columns,
                                            const std::uint64_t* heights, std::uint64_t* range_counts,
                                            std::uint64_t* byte_counts, std::uint64_t* constant_counts) {
    std::vector<Decoded> decoded;
    if (!decode_rows(decode, decode_count, constants, decoded)) return 1;
    const Fetch fetch(decoded);
    const Compressions compressions{inputs, {compressed, compressed_height}, calls, nullptr};
    CountPool pool;
    std::atomic<bool> failed = false;
    {
        std::unique_ptr<Counts> counts = pool.take();
        const Table idle{columns[kFamilies], heights[kFamilies]};
        for (std::size_t i = 0; i < rows[kFamilies]; ++i)
            fill_idle(records[kFamilies] + kIdleRecord * i, i, *counts, idle);
        const Table table{columns[kFamilies + 1], heights[kFamilies + 1]};
        for (std::size_t i = 0; i < decode_count; ++i) fill_decode(decoded[i], decode[3 * i + 2], i, *counts, table);
        pool.give(std::move(counts));
    }
    const Context context{fetch, compressions, pool, failed};
    for (std::size_t family = 0; family < kFamilies && !failed; ++family)
        kFills[family](context, records[family], rows[family], {columns[family], heights[family]});
    if (failed) return 2;
    add_counts(pool.all(), &CountVectors::of_range, range_counts);
    add_counts(pool.all(), &CountVectors::of_conjunctions, byte_counts);
    add_counts(pool.all(), &CountVectors::of_pairs, byte_counts + kByteRows);
    add_counts(pool.all(), &CountVectors::of_constants, constant_counts);
    return 0;
}
