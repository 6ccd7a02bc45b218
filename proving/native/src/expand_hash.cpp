// The poseidon2 table of main_vm: which compressions a segment makes, and their eight rows each.
#include <array>
#include <cstring>
#include <unordered_map>

#include "expand.hpp"
#include "export.hpp"
#include "hash/poseidon2_rows.hpp"

namespace {

using hm::Fp;

constexpr unsigned kWidth = 16;
constexpr unsigned kRows = hm::rows::kRows;
constexpr std::size_t kOutput = HM_COLUMN(Poseidon2, output);
constexpr std::size_t kCount = HM_COLUMN(Poseidon2, count);
static_assert(kOutput == hm::rows::kColumns);

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

// Writes the eight rows of a compression, the count excepted.
void fill_rows(const Input& input, const hm::expand::Table& table, std::size_t first) {
    const std::array<Fp, kWidth> output = hm::rows::fill_permutation(input.data(), table, first);
    for (unsigned r = 0; r < kRows; ++r)
        for (unsigned i = 0; i < 4; ++i) table.at(kOutput + i, first + r) = output[i].value;
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
    const auto* list = reinterpret_cast<const Input*>(inputs);
    const hm::expand::Table table{columns, height};
    const Input zero{};
    hm::parallel_for(height / kRows, 64, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            fill_rows(i < count ? list[i] : zero, table, i * kRows);
            if (i < count) table.at(kCount, i * kRows) = counts[i];
        }
    });
}
