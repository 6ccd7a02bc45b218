// The compression of SHA-256, and the columns of its table (proving/circuits/sha256.py).
#include <algorithm>
#include <array>
#include <bit>

#include "executor.hpp"
#include "expand.hpp"
#include "export.hpp"
#include "request_turn.hpp"

namespace {

using hm::request::Turn;

constexpr std::size_t kStateWords = 8;
constexpr std::size_t kBlockWords = 16;
constexpr std::size_t kInputWords = kStateWords + kBlockWords;
constexpr std::size_t kRounds = 64;
constexpr std::size_t kLanes = 4;
// The state, sixteen rows of four rounds, the result.
constexpr std::size_t kRows = 2 + kRounds / kLanes;

using State = std::array<std::uint32_t, kStateWords>;

// Columns; those of the bits of a, e and w stand for all lanes, of the steps for all rows.
constexpr std::size_t kReal = HM_COLUMN(Sha256, real);
constexpr std::size_t kPosition = HM_COLUMN(Sha256, position);
constexpr std::size_t kA = HM_COLUMN(Sha256, a0);
constexpr std::size_t kE = HM_COLUMN(Sha256, e0);
constexpr std::size_t kW = HM_COLUMN(Sha256, w0);
constexpr std::size_t kStart = HM_COLUMN(Sha256, start);
constexpr std::size_t kElement = HM_COLUMN(Sha256, element);
constexpr std::size_t kEarly = HM_COLUMN(Sha256, early);
constexpr std::size_t kMiddle = HM_COLUMN(Sha256, middle);
constexpr std::size_t kLate = HM_COLUMN(Sha256, late);
constexpr std::size_t kCarryLow = HM_COLUMN(Sha256, carry_low);
constexpr std::size_t kCarryHigh = HM_COLUMN(Sha256, carry_high);
constexpr std::size_t kCarryA = HM_COLUMN(Sha256, carry_a);
constexpr std::size_t kCarryW = HM_COLUMN(Sha256, carry_w);
static_assert(HM_COLUMN(Sha256, step) == 0 && kReal == kRows);
static_assert(HM_COLUMN(Sha256, a3) == kA + 96 && HM_COLUMN(Sha256, e3) == kE + 96 && HM_COLUMN(Sha256, w3) == kW + 96);

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, kRounds> round_constants() {
    std::array<std::uint32_t, kRounds> found{};
    std::size_t count = 0;
    for (std::uint64_t candidate = 2; count < kRounds; ++candidate) {
        bool prime = true;
        for (std::uint64_t factor = 2; factor * factor <= candidate; ++factor) prime = prime && candidate % factor != 0;
        if (!prime) continue;
        // The largest root below 2^35 with root^3 <= candidate 2^96.
        unsigned __int128 root = 0;
        for (int bit = 35; bit-- > 0;) {
            const unsigned __int128 next = root | static_cast<unsigned __int128>(1) << bit;
            if (next * next * next <= static_cast<unsigned __int128>(candidate) << 96) root = next;
        }
        found[count++] = static_cast<std::uint32_t>(root);
    }
    return found;
}
constexpr std::array<std::uint32_t, kRounds> kConstants = round_constants();

constexpr std::uint32_t sigma0(std::uint32_t x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3; }
constexpr std::uint32_t sigma1(std::uint32_t x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ x >> 10; }

// All a, e and w of a compression; a[i + 4] and e[i + 4] belong to round i.
struct Run {
    std::array<std::uint32_t, kRounds + 4> a, e;
    std::array<std::uint32_t, kRounds> w;
    // Carries of e, a and w.
    std::array<std::uint32_t, kRounds> over_e, over_w;
    std::array<std::int32_t, kRounds> over_a;
    State result;
    std::array<std::uint32_t, kStateWords> over_result;

    Run(const std::uint32_t* state, const std::uint32_t* block) : over_w{} {
        for (std::size_t i = 0; i < 4; ++i) {
            a[i] = state[3 - i];
            e[i] = state[7 - i];
        }
        std::copy_n(block, kBlockWords, w.begin());
        for (std::size_t t = kBlockWords; t < kRounds; ++t) {
            const std::uint64_t sum = std::uint64_t{sigma1(w[t - 2])} + w[t - 7] + sigma0(w[t - 15]) + w[t - 16];
            w[t] = static_cast<std::uint32_t>(sum);
            over_w[t] = static_cast<std::uint32_t>(sum >> 32);
        }
        for (std::size_t t = 0; t < kRounds; ++t) {
            const std::uint32_t e1 = e[t + 3], f = e[t + 2], g = e[t + 1], a1 = a[t + 3], b = a[t + 2], c = a[t + 1];
            const std::uint32_t big1 = std::rotr(e1, 6) ^ std::rotr(e1, 11) ^ std::rotr(e1, 25);
            const std::uint32_t big0 = std::rotr(a1, 2) ^ std::rotr(a1, 13) ^ std::rotr(a1, 22);
            const std::uint32_t choice = (e1 & f) ^ (~e1 & g), majority = (a1 & b) ^ (a1 & c) ^ (b & c);
            const std::uint64_t sum = std::uint64_t{a[t]} + e[t] + big1 + choice + kConstants[t] + w[t];
            e[t + 4] = static_cast<std::uint32_t>(sum);
            over_e[t] = static_cast<std::uint32_t>(sum >> 32);
            const std::int64_t other = std::int64_t{e[t + 4]} - a[t] + big0 + majority;
            a[t + 4] = static_cast<std::uint32_t>(other);
            over_a[t] = static_cast<std::int32_t>(other >> 32);
        }
        for (std::size_t i = 0; i < kStateWords; ++i) {
            const std::uint64_t sum = std::uint64_t{state[i]} + (i < 4 ? a : e)[kRounds + 3 - i % 4];
            result[i] = static_cast<std::uint32_t>(sum);
            over_result[i] = static_cast<std::uint32_t>(sum >> 32);
        }
    }
};

std::uint64_t joined(std::uint32_t word, std::uint32_t half) { return word | std::uint64_t{half} << 32; }

void fill_turn(const std::uint32_t* input, bool real, std::size_t position, const Turn& turn) {
    const std::uint32_t* block = input + kStateWords;
    const Run run(input, block);
    std::array<std::uint64_t, kLanes> early{}, middle{}, late{};
    for (std::size_t row = 0; row < kRows; ++row) {
        turn.put(row, row, 1);
        turn.put(row, kReal, real);
        turn.put(row, kPosition, position);
        for (std::size_t i = 0; i < kStateWords; ++i) turn.put(row, kStart + i, input[i]);
        for (std::size_t group = 0; group < 4; ++group) {
            const std::uint32_t* words = block + 4 + 3 * group;
            turn.put(row, kElement + 2 * group, joined(words[0], words[1] & 0xffff));
            turn.put(row, kElement + 2 * group + 1, joined(words[2], words[1] >> 16));
        }
        const bool rounds = 0 < row && row < kRows - 1;
        const auto word = [&](std::size_t at, std::size_t lane) -> std::uint32_t {
            return 0 < at && at < kRows - 1 ? run.w[kLanes * (at - 1) + lane] : 0;
        };
        if (row > 0) {
            for (std::size_t j = 0; j < kLanes; ++j) {
                const std::uint32_t next = j + 1 < kLanes ? word(row - 1, j + 1) : word(row, 0);
                late[j] = middle[j] + next;
                middle[j] = early[j];
                early[j] = std::uint64_t{word(row - 1, j)} + sigma0(next);
            }
        }
        for (std::size_t j = 0; j < kLanes; ++j) {
            turn.put(row, kEarly + j, early[j]);
            turn.put(row, kMiddle + j, middle[j]);
            turn.put(row, kLate + j, late[j]);
            if (row < kRows - 1) {
                turn.bits(row, kA + 32 * j, run.a[kLanes * row + j]);
                turn.bits(row, kE + 32 * j, run.e[kLanes * row + j]);
                turn.bits(row, kW + 32 * j, word(row, j));
            } else {
                turn.bits(row, kA + 32 * j, run.result[3 - j]);
                turn.bits(row, kE + 32 * j, run.result[7 - j]);
                turn.put(row, kCarryLow + j, run.over_result[j]);
                turn.put(row, kCarryHigh + j, run.over_result[4 + j]);
            }
            if (!rounds) continue;
            const std::size_t t = kLanes * (row - 1) + j;
            turn.put(row, kCarryLow + j, run.over_e[t] % 3);
            turn.put(row, kCarryHigh + j, run.over_e[t] / 3);
            turn.put(row, kCarryA + j, run.over_a[t] < 0 ? hm::kPrime - 1 : static_cast<std::uint64_t>(run.over_a[t]));
            turn.put(row, kCarryW + j, run.over_w[t]);
        }
    }
}

}  // namespace

void hm::sha256(const std::uint32_t* inputs, std::uint32_t* outputs) {
    const Run run(inputs, inputs + kStateWords);
    std::copy(run.result.begin(), run.result.end(), outputs);
}

// inputs (count, 24) words: state and block -> outputs (count, 8): the next state.
extern "C" HM_EXPORT void hm_sha256(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs) {
    hm::request::answer_each<kInputWords, kStateWords>(inputs, count, outputs, hm::sha256);
}

// Fills the zeroed table: 18 rows for each request, then turns of zeros, the last one cut off where the table ends.
// blocks: of one request in the chain.
extern "C" HM_EXPORT void hm_sha256_fill(const std::uint32_t* inputs, std::size_t count, std::size_t blocks,
                                         std::uint64_t* columns, std::size_t height, std::uint64_t*) {
    static constexpr std::uint32_t kNothing[kInputWords] = {};
    const hm::expand::Table table{columns, height};
    hm::parallel_for((height + kRows - 1) / kRows, 32, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const bool real = i < count;
            fill_turn(real ? inputs + kInputWords * i : kNothing, real, real ? blocks * i : 0, Turn(table, kRows * i));
        }
    });
}
