// Keccak-f[1600]: the permutation, and the columns of its table (proving/circuits/keccak_f.py).
#include <algorithm>
#include <array>
#include <bit>

#include "export.hpp"
#include "request_turn.hpp"
#include "expand.hpp"

namespace {

constexpr std::size_t kLanes = 25;
constexpr std::size_t kWords = 2 * kLanes;
constexpr std::size_t kRounds = 24;

using State = std::array<std::uint64_t, kLanes>;
using Parities = std::array<std::uint64_t, 5>;

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

struct Constants {
    std::array<std::uint64_t, kRounds> round{};
    std::array<unsigned, kLanes> rotation{};
    std::array<std::size_t, kLanes> place{};

    // As FIPS 202 defines them: a shift register for the rounds, a walk over the lanes for the rotations.
    constexpr Constants() {
        unsigned lfsr = 1;
        for (std::uint64_t& constant : round)
            for (unsigned j = 0; j < 7; ++j) {
                if (lfsr & 1) constant |= std::uint64_t{1} << ((1u << j) - 1);
                lfsr = lfsr << 1 ^ (lfsr >> 7) * 0x171;
            }
        std::size_t x = 1, y = 0;
        for (unsigned t = 0; t < 24; ++t) {
            rotation[x + 5 * y] = (t + 1) * (t + 2) / 2 % 64;
            const std::size_t next = (2 * x + 3 * y) % 5;
            x = y;
            y = next;
        }
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const std::size_t column = lane % 5, row = lane / 5;
            place[lane] = row + 5 * ((2 * column + 3 * row) % 5);
        }
    }
};
constexpr Constants kConstants;

State load(const std::uint32_t* words) {
    State state;
    for (std::size_t i = 0; i < kLanes; ++i) state[i] = words[2 * i] | std::uint64_t{words[2 * i + 1]} << 32;
    return state;
}

Parities parities(const State& state) {
    Parities found{};
    for (std::size_t i = 0; i < kLanes; ++i) found[i % 5] ^= state[i];
    return found;
}

// The first step of a round.
State mixed(State state, const Parities& parity) {
    for (std::size_t i = 0; i < kLanes; ++i) state[i] ^= parity[(i + 4) % 5] ^ std::rotl(parity[(i + 1) % 5], 1);
    return state;
}

// The steps after the first.
State finished(const State& state, std::size_t round) {
    State moved, result;
    for (std::size_t i = 0; i < kLanes; ++i)
        moved[kConstants.place[i]] = std::rotl(state[i], static_cast<int>(kConstants.rotation[i]));
    for (std::size_t i = 0; i < kLanes; ++i) {
        const std::size_t row = i - i % 5;
        result[i] = moved[i] ^ (~moved[row + (i + 1) % 5] & moved[row + (i + 2) % 5]);
    }
    result[0] ^= kConstants.round[round];
    return result;
}

std::uint64_t part(std::uint64_t lane, std::size_t half) { return lane >> kHalf * half & 0xffffffff; }

// What a bit is in the table: 1 for 0, -1 for 1.
std::uint64_t sign(std::uint64_t bit) { return bit ? hm::kPrime - 1 : 1; }

void permute(const std::uint32_t* inputs, std::uint32_t* outputs) {
    State state = load(inputs);
    for (std::size_t round = 0; round < kRounds; ++round) state = finished(mixed(state, parities(state)), round);
    for (std::size_t word = 0; word < kWords; ++word)
        outputs[word] = static_cast<std::uint32_t>(state[word / 2] >> 32 * (word % 2));
}

}  // namespace

// inputs (count, 50) words -> outputs (count, 50): the permutation.
extern "C" HM_EXPORT void hm_keccak_f(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs) {
    hm::request::answer_each<kWords, kWords>(inputs, count, outputs, permute);
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
