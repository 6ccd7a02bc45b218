// Rows of the table of SHA-256's compression (proving/circuits/sha256.py): 18 for each request.
#pragma once

#include <algorithm>

#include "expand/request_rows.hpp"

namespace hm::expand::sha256 {

inline constexpr std::size_t kStateWords = 8;
inline constexpr std::size_t kBlockWords = 16;
inline constexpr std::size_t kInputWords = kStateWords + kBlockWords;
inline constexpr std::size_t kRounds = 64;
inline constexpr std::size_t kLanes = 4;
// The state, sixteen rows of four rounds, the result.
inline constexpr std::size_t kRows = 2 + kRounds / kLanes;

// Columns; those of the bits of a, e and w stand for all lanes, of the steps for all rows.
inline constexpr std::size_t kReal = HM_COLUMN(Sha256, real);
inline constexpr std::size_t kPosition = HM_COLUMN(Sha256, position);
inline constexpr std::size_t kA = HM_COLUMN(Sha256, a0);
inline constexpr std::size_t kE = HM_COLUMN(Sha256, e0);
inline constexpr std::size_t kW = HM_COLUMN(Sha256, w0);
inline constexpr std::size_t kStart = HM_COLUMN(Sha256, start);
inline constexpr std::size_t kElement = HM_COLUMN(Sha256, element);
inline constexpr std::size_t kEarly = HM_COLUMN(Sha256, early);
inline constexpr std::size_t kMiddle = HM_COLUMN(Sha256, middle);
inline constexpr std::size_t kLate = HM_COLUMN(Sha256, late);
inline constexpr std::size_t kCarryLow = HM_COLUMN(Sha256, carry_low);
inline constexpr std::size_t kCarryHigh = HM_COLUMN(Sha256, carry_high);
inline constexpr std::size_t kCarryA = HM_COLUMN(Sha256, carry_a);
inline constexpr std::size_t kCarryW = HM_COLUMN(Sha256, carry_w);
static_assert(HM_COLUMN(Sha256, step) == 0 && kReal == kRows);
static_assert(HM_COLUMN(Sha256, a3) == kA + 96 && HM_COLUMN(Sha256, e3) == kE + 96 && HM_COLUMN(Sha256, w3) == kW + 96);

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
// In one object: in constant memory on a device.
struct Constants {
    std::uint32_t round[kRounds];
};

constexpr Constants make_constants() {
    Constants found{};
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
        found.round[count++] = static_cast<std::uint32_t>(root);
    }
    return found;
}
inline constexpr Constants kConstants = make_constants();

constexpr std::uint32_t sigma0(std::uint32_t x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3; }
constexpr std::uint32_t sigma1(std::uint32_t x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ x >> 10; }
constexpr std::uint64_t joined(std::uint32_t word, std::uint32_t half) { return word | std::uint64_t{half} << 32; }

// All a, e and w of a compression; a[i + 4] and e[i + 4] belong to round i.
struct Compression {
    std::array<std::uint32_t, kRounds + 4> a, e;
    std::array<std::uint32_t, kRounds> w;
    // Carries of e, a and w.
    std::array<std::uint32_t, kRounds> over_e, over_w;
    std::array<std::int32_t, kRounds> over_a;
    std::array<std::uint32_t, kStateWords> result;
    std::array<std::uint32_t, kStateWords> over_result;

    // input: state and block.
    HM_PORTABLE Compression(const std::uint32_t* input, const Constants& constants) : over_w{} {
        const std::uint32_t *state = input, *block = input + kStateWords;
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
            const std::uint64_t sum = std::uint64_t{a[t]} + e[t] + big1 + choice + constants.round[t] + w[t];
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

    // Of a row of rounds; zero on others.
    HM_PORTABLE std::uint32_t word(std::size_t row, std::size_t lane) const {
        return 0 < row && row < kRows - 1 ? w[kLanes * (row - 1) + lane] : 0;
    }
    // The word behind a lane's on the row before this one.
    HM_PORTABLE std::uint32_t behind(std::size_t row, std::size_t lane) const {
        return lane + 1 < kLanes ? word(row - 1, lane + 1) : word(row, 0);
    }
    // What a word is computed from, as it is passed on: sums of two words, three and two rows earlier.
    HM_PORTABLE std::uint64_t early(std::size_t row, std::size_t lane) const {
        return row == 0 ? 0 : std::uint64_t{word(row - 1, lane)} + sigma0(behind(row, lane));
    }
    HM_PORTABLE std::uint64_t middle(std::size_t row, std::size_t lane) const {
        return row == 0 ? 0 : early(row - 1, lane);
    }
    HM_PORTABLE std::uint64_t late(std::size_t row, std::size_t lane) const {
        return row == 0 ? 0 : middle(row - 1, lane) + behind(row, lane);
    }

    template <class Sink>
    HM_PORTABLE void row(std::size_t row, const Request& request, const Sink& cells) const {
        put_step(row, kRows, request, cells);
        for (std::size_t i = 0; i < kStateWords; ++i) cells.put(kStart + i, request.input[i]);
        for (std::size_t group = 0; group < 4; ++group) {
            const std::uint32_t* words = request.input + kStateWords + 4 + 3 * group;
            cells.put(kElement + 2 * group, joined(words[0], words[1] & 0xffff));
            cells.put(kElement + 2 * group + 1, joined(words[2], words[1] >> 16));
        }
        for (std::size_t j = 0; j < kLanes; ++j) {
            cells.put(kEarly + j, early(row, j));
            cells.put(kMiddle + j, middle(row, j));
            cells.put(kLate + j, late(row, j));
            if (row == kRows - 1) {
                cells.bits(kA + 32 * j, result[3 - j]);
                cells.bits(kE + 32 * j, result[7 - j]);
                cells.put(kCarryLow + j, over_result[j]);
                cells.put(kCarryHigh + j, over_result[4 + j]);
                continue;
            }
            cells.bits(kA + 32 * j, a[kLanes * row + j]);
            cells.bits(kE + 32 * j, e[kLanes * row + j]);
            cells.bits(kW + 32 * j, word(row, j));
            if (row == 0) continue;
            const std::size_t t = kLanes * (row - 1) + j;
            cells.put(kCarryLow + j, over_e[t] % 3);
            cells.put(kCarryHigh + j, over_e[t] / 3);
            cells.put(kCarryA + j, over_a[t] < 0 ? kPrime - 1 : static_cast<std::uint64_t>(over_a[t]));
            cells.put(kCarryW + j, over_w[t]);
        }
    }
};

}  // namespace hm::expand::sha256
