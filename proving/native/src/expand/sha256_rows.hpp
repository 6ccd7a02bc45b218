// Rows of the table of SHA-256's compression (proving/circuits/sha256.py): 18 for each request.
#pragma once

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
static_assert(HM_COLUMN(Sha256, step) == 0 && HM_COLUMN(Sha256, real) == kRows && HM_COLUMN(Sha256, position) == kRows + 1);
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

// A compression on one of its rows, row 0 at first.
class Turn {
  public:
    HM_PORTABLE explicit Turn(const std::uint32_t* input) {
        for (std::size_t j = 0; j < kLanes; ++j) {
            a_[j] = input[3 - j];
            e_[j] = input[7 - j];
        }
    }

    // Goes on to the next row, which is this one.
    HM_PORTABLE void advance(std::size_t row, const std::uint32_t* input, const Constants& constants) {
        extend(row, input + kStateWords);
        if (row < kRows - 1) {
            for (std::size_t j = 0; j < kLanes; ++j) round(j, constants.round[kLanes * (row - 1) + j]);
            return;
        }
        for (std::size_t i = 0; i < kLanes; ++i) {
            const std::uint64_t low = std::uint64_t{input[i]} + a_[3 - i], high = std::uint64_t{input[4 + i]} + e_[3 - i];
            a_[3 - i] = static_cast<std::uint32_t>(low);
            e_[3 - i] = static_cast<std::uint32_t>(high);
            low_[i] = static_cast<std::uint32_t>(low >> 32);
            high_[i] = static_cast<std::uint32_t>(high >> 32);
        }
    }

    // The next state, on the last row.
    HM_PORTABLE void result(std::uint32_t* output) const {
        for (std::size_t i = 0; i < kLanes; ++i) {
            output[i] = a_[3 - i];
            output[4 + i] = e_[3 - i];
        }
    }

    template <class Sink>
    HM_PORTABLE void put(std::size_t row, const Request& request, const Sink& cells) const {
        put_step(row, kRows, request, cells);
        for (std::size_t i = 0; i < kStateWords; ++i) cells.put(kStart + i, request.input[i]);
        for (std::size_t group = 0; group < 4; ++group) {
            const std::uint32_t* words = request.input + kStateWords + 4 + 3 * group;
            cells.put(kElement + 2 * group, joined(words[0], words[1] & 0xffff));
            cells.put(kElement + 2 * group + 1, joined(words[2], words[1] >> 16));
        }
        for (std::size_t j = 0; j < kLanes; ++j) {
            cells.bits(kA + 32 * j, a_[j]);
            cells.bits(kE + 32 * j, e_[j]);
            if (row == 0) continue;
            // What later words are computed from, as it is passed on from row to row.
            cells.put(kEarly + j, early(1, j));
            cells.put(kMiddle + j, early(2, j));
            cells.put(kLate + j, early(3, j) + behind(1, j));
            cells.put(kCarryLow + j, low_[j]);
            cells.put(kCarryHigh + j, high_[j]);
            if (row == kRows - 1) continue;
            cells.bits(kW + 32 * j, w_[0][j]);
            cells.put(kCarryA + j, over_a_[j] < 0 ? kPrime - 1 : static_cast<std::uint64_t>(over_a_[j]));
            cells.put(kCarryW + j, over_w_[j]);
        }
    }

  private:
    // The words of a row of rounds; none on the last row.
    HM_PORTABLE void extend(std::size_t row, const std::uint32_t* block) {
        Lanes next{};
        for (std::size_t j = 0; j < kLanes; ++j) {
            over_w_[j] = 0;
            if (row == kRows - 1) continue;
            if (row <= kBlockWords / kLanes) {
                next[j] = block[kLanes * (row - 1) + j];
                continue;
            }
            const std::uint32_t two = j < 2 ? w_[0][j + 2] : next[j - 2], seven = j < 3 ? w_[1][j + 1] : w_[0][j - 3];
            const std::uint32_t fifteen = j < 3 ? w_[3][j + 1] : w_[2][j - 3];
            const std::uint64_t sum = std::uint64_t{sigma1(two)} + seven + sigma0(fifteen) + w_[3][j];
            next[j] = static_cast<std::uint32_t>(sum);
            over_w_[j] = static_cast<std::uint32_t>(sum >> 32);
        }
        for (std::size_t k = 3; k > 0; --k) w_[k] = w_[k - 1];
        w_[0] = next;
    }

    HM_PORTABLE void round(std::size_t j, std::uint32_t constant) {
        const std::uint32_t e1 = e_[3], f = e_[2], g = e_[1], a1 = a_[3], b = a_[2], c = a_[1];
        const std::uint32_t big1 = std::rotr(e1, 6) ^ std::rotr(e1, 11) ^ std::rotr(e1, 25);
        const std::uint32_t big0 = std::rotr(a1, 2) ^ std::rotr(a1, 13) ^ std::rotr(a1, 22);
        const std::uint32_t choice = (e1 & f) ^ (~e1 & g), majority = (a1 & b) ^ (a1 & c) ^ (b & c);
        const std::uint64_t sum = std::uint64_t{a_[0]} + e_[0] + big1 + choice + constant + w_[0][j];
        const auto next = static_cast<std::uint32_t>(sum), over = static_cast<std::uint32_t>(sum >> 32);
        const std::int64_t other = std::int64_t{next} - a_[0] + big0 + majority;
        low_[j] = over % 3;
        high_[j] = over / 3;
        over_a_[j] = static_cast<std::int32_t>(other >> 32);
        for (std::size_t i = 0; i < 3; ++i) {
            a_[i] = a_[i + 1];
            e_[i] = e_[i + 1];
        }
        a_[3] = static_cast<std::uint32_t>(other);
        e_[3] = next;
    }

    // The word behind a lane's, `back` rows before this one.
    HM_PORTABLE std::uint32_t behind(std::size_t back, std::size_t lane) const {
        return lane + 1 < kLanes ? w_[back][lane + 1] : w_[back - 1][0];
    }
    HM_PORTABLE std::uint64_t early(std::size_t back, std::size_t lane) const {
        return std::uint64_t{w_[back][lane]} + sigma0(behind(back, lane));
    }

    using Lanes = std::array<std::uint32_t, kLanes>;
    // The last four of each, the oldest first.
    Lanes a_, e_;
    // Words of this row and of the three before it, zeros where those have none.
    std::array<Lanes, 4> w_{};
    // Carries of e or of the result, of a, and of the words.
    Lanes low_{}, high_{}, over_w_{};
    std::array<std::int32_t, kLanes> over_a_{};
};

}  // namespace hm::expand::sha256
