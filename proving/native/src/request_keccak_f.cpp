// Keccak-f[1600]: requests, and the columns of their table (proving/circuits/keccak_f.py).
#include <algorithm>
#include <array>

#include "executor.hpp"
#include "export.hpp"
#include "request_turn.hpp"
#include "expand.hpp"
#include "keccak.hpp"

namespace {

using namespace hm::keccak;

// Rows of a request: two for each round, of the lower and of the upper words.
constexpr std::size_t kRows = 2 * kRounds;
constexpr std::size_t kHalf = 32;
// Columns; those of parities and mixed lanes stand for all of them, of the steps for all rows.
constexpr std::size_t kReal = HM_COLUMN(KeccakF, real);
constexpr std::size_t kPosition = HM_COLUMN(KeccakF, position);
constexpr std::size_t kWord = HM_COLUMN(KeccakF, word);
constexpr std::size_t kAhead = HM_COLUMN(KeccakF, ahead);
constexpr std::size_t kLater = HM_COLUMN(KeccakF, later);
constexpr std::size_t kEdge = HM_COLUMN(KeccakF, edge);
constexpr std::size_t kParity = HM_COLUMN(KeccakF, parity0);
constexpr std::size_t kMixed = HM_COLUMN(KeccakF, mixed0);
constexpr std::size_t kColumns = sizeof(hm::expand::columns::KeccakF) / sizeof(std::uint64_t);
static_assert(HM_COLUMN(KeccakF, step) == 0 && kReal == kRows);
static_assert(HM_COLUMN(KeccakF, parity4) == kParity + 4 * kHalf && HM_COLUMN(KeccakF, mixed24) == kMixed + 24 * kHalf);

std::uint64_t part(std::uint64_t lane, std::size_t half) { return lane >> kHalf * half & 0xffffffff; }

// What a bit is in the table: 1 for 0, -1 for 1.
std::uint64_t sign(std::uint64_t bit) { return bit ? hm::kPrime - 1 : 1; }

}  // namespace

void hm::keccak_f(const std::uint32_t* inputs, std::uint32_t* outputs) { permute(inputs, outputs); }

// inputs (count, 50) words -> outputs (count, 50): the permutation.
extern "C" HM_EXPORT void hm_keccak_f(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs) {
    hm::request::answer_each<kWords, kWords>(inputs, count, outputs, hm::keccak_f);
}

// Fills the zeroed table: 48 rows for each request, then permutations of zero, the last one cut off where the table ends.
// blocks: of one request in the chain.
extern "C" HM_EXPORT void hm_keccak_f_fill(const std::uint32_t* inputs, std::size_t count, std::size_t blocks,
                                           std::uint64_t* columns, std::size_t height, std::uint64_t*) {
    static constexpr std::uint32_t kNothing[kWords] = {};
    const hm::expand::Table table{columns, height};
    hm::parallel_for((height + kRows - 1) / kRows, 8, [&](std::size_t begin, std::size_t end) {
        // By column and row, so that the table is written along its columns.
        std::vector<std::array<std::uint8_t, kRows>> bits(kColumns - kEdge);
        for (std::size_t i = begin; i < end; ++i) {
            const bool real = i < count;
            const std::size_t first = kRows * i, rows = std::min(kRows, height - first);
            State state = load(real ? inputs + kWords * i : kNothing);
            for (std::size_t round = 0; round < kRounds; ++round) {
                const Parities parity = parities(state);
                const State middle = mixed(state, parity), next = finished(middle, round);
                for (std::size_t half = 0; half < 2; ++half) {
                    const std::size_t row = 2 * round + half;
                    for (std::size_t x = 0; x < 5; ++x) bits[x][row] = parity[x] >> (half ? kHalf - 1 : 63) & 1;
                    for (std::size_t bit = 0; bit < 5 * kHalf; ++bit)
                        bits[kParity - kEdge + bit][row] = part(parity[bit / kHalf], half) >> bit % kHalf & 1;
                    for (std::size_t bit = 0; bit < kLanes * kHalf; ++bit)
                        bits[kMixed - kEdge + bit][row] = part(middle[bit / kHalf], half) >> bit % kHalf & 1;
                    if (row >= rows) continue;
                    table.at(row, first + row) = 1;
                    table.at(kReal, first + row) = real;
                    table.at(kPosition, first + row) = real ? blocks * i : 0;
                    for (std::size_t lane = 0; lane < kLanes; ++lane) {
                        table.at(kWord + lane, first + row) = part(state[lane], half);
                        table.at(kAhead + lane, first + row) = half ? part(next[lane], 0) : part(state[lane], 1);
                        if (half) table.at(kLater + lane, first + row) = part(next[lane], 1);
                    }
                }
                state = next;
            }
            for (std::size_t column = 0; column < bits.size(); ++column)
                for (std::size_t row = 0; row < rows; ++row)
                    table.at(kEdge + column, first + row) = sign(bits[column][row]);
        }
    });
}
