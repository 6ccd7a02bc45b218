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
// Columns in front of the signs: a selector for each row, real, position, words of this row, the next and the one behind.
constexpr std::size_t kReal = kRows;
constexpr std::size_t kPosition = kReal + 1;
constexpr std::size_t kWord = kPosition + 1;
constexpr std::size_t kAhead = kWord + kLanes;
constexpr std::size_t kLater = kAhead + kLanes;
constexpr std::size_t kEdge = kLater + kLanes;
constexpr std::size_t kParity = kEdge + 5;
constexpr std::size_t kMixed = kParity + 5 * kHalf;
constexpr std::size_t kColumns = kMixed + kLanes * kHalf;

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
