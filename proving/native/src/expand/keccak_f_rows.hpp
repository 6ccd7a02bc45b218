// Rows of the table of Keccak-f (proving/circuits/keccak_f.py): two for each round of a request, of the lower and of the
// upper words.
#pragma once

#include "expand/request_rows.hpp"
#include "keccak.hpp"

namespace hm::expand::keccak_f {

using keccak::kLanes;
using keccak::kRounds;

inline constexpr std::size_t kRows = 2 * kRounds;
inline constexpr std::size_t kHalf = 32;
// Columns; those of parities and mixed lanes stand for all of them, of the steps for all rows.
inline constexpr std::size_t kWord = HM_COLUMN(KeccakF, word);
inline constexpr std::size_t kAhead = HM_COLUMN(KeccakF, ahead);
inline constexpr std::size_t kLater = HM_COLUMN(KeccakF, later);
inline constexpr std::size_t kEdge = HM_COLUMN(KeccakF, edge);
inline constexpr std::size_t kParity = HM_COLUMN(KeccakF, parity0);
inline constexpr std::size_t kMixed = HM_COLUMN(KeccakF, mixed0);
inline constexpr std::size_t kColumns = sizeof(columns::KeccakF) / sizeof(std::uint64_t);
static_assert(HM_COLUMN(KeccakF, step) == 0 && HM_COLUMN(KeccakF, real) == kRows && HM_COLUMN(KeccakF, position) == kRows + 1);
static_assert(HM_COLUMN(KeccakF, parity4) == kParity + 4 * kHalf && HM_COLUMN(KeccakF, mixed24) == kMixed + 24 * kHalf);

HM_PORTABLE constexpr std::uint32_t part(std::uint64_t lane, std::size_t half) {
    return static_cast<std::uint32_t>(lane >> kHalf * half);
}

// One round, from the state that enters it.
struct Round {
    keccak::State state;
    keccak::Parities parity;
    keccak::State middle, next;

    HM_PORTABLE Round(const keccak::State& entering, std::size_t round, const keccak::Constants& constants)
        : state(entering), parity(keccak::parities(state)), middle(keccak::mixed(state, parity)),
          next(keccak::finished(middle, round, constants)) {}

    // The row of a half of this round; cells have signs(column, word, count) too.
    template <class Sink>
    HM_PORTABLE void row(std::size_t round, std::size_t half, const Request& request, const Sink& cells) const {
        put_step(2 * round + half, kRows, request, cells);
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            cells.put(kWord + lane, part(state[lane], half));
            cells.put(kAhead + lane, half ? part(next[lane], 0) : part(state[lane], 1));
            if (half) cells.put(kLater + lane, part(next[lane], 1));
        }
        for (std::size_t x = 0; x < 5; ++x) {
            cells.signs(kEdge + x, parity[x] >> (half ? kHalf - 1 : 63) & 1, 1);
            cells.signs(kParity + kHalf * x, part(parity[x], half), kHalf);
        }
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            cells.signs(kMixed + kHalf * lane, part(middle[lane], half), kHalf);
    }
};

}  // namespace hm::expand::keccak_f
