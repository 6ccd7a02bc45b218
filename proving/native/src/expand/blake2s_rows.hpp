// Rows of the table of Blake2s's compression (proving/circuits/blake2s.py): 22 for each request.
#pragma once

#include "expand/request_rows.hpp"

namespace hm::expand::blake2s {

inline constexpr std::size_t kStateWords = 8;
inline constexpr std::size_t kBlockWords = 16;
inline constexpr std::size_t kInputWords = kStateWords + kBlockWords + 4;
inline constexpr std::size_t kRounds = 10;
inline constexpr std::size_t kQuarters = 4;
inline constexpr std::size_t kRows = 2 + 2 * kRounds;

// Columns; those of bits and carries stand for all quarters and all that follow of their kind, of the steps for all rows.
inline constexpr std::size_t kWords = 32 * kQuarters;
inline constexpr std::size_t kB = HM_COLUMN(Blake2s, b0);
inline constexpr std::size_t kD = HM_COLUMN(Blake2s, d0);
inline constexpr std::size_t kSumA = HM_COLUMN(Blake2s, sum_a0);
inline constexpr std::size_t kA = HM_COLUMN(Blake2s, a);
inline constexpr std::size_t kC = HM_COLUMN(Blake2s, c);
inline constexpr std::size_t kStart = HM_COLUMN(Blake2s, start);
inline constexpr std::size_t kMessage = HM_COLUMN(Blake2s, message);
inline constexpr std::size_t kCarry = HM_COLUMN(Blake2s, carry_sum_a);
static_assert(HM_COLUMN(Blake2s, step) == 0 && HM_COLUMN(Blake2s, real) == kRows && HM_COLUMN(Blake2s, position) == kRows + 1);
static_assert(HM_COLUMN(Blake2s, b3) == kB + 96 && HM_COLUMN(Blake2s, d3) == kD + 96);
static_assert(HM_COLUMN(Blake2s, sum_c0) == kSumA + kWords && HM_COLUMN(Blake2s, next_a0) == kSumA + 2 * kWords);
static_assert(HM_COLUMN(Blake2s, next_c0) == kSumA + 3 * kWords && HM_COLUMN(Blake2s, next_c3) == kA - 32);
static_assert(HM_COLUMN(Blake2s, carry_sum_c) == kCarry + 4 && HM_COLUMN(Blake2s, carry_next_a) == kCarry + 8 &&
              HM_COLUMN(Blake2s, carry_next_c) == kCarry + 12);

// The state that a compression starts from and the order of message words in each round (RFC 7693), in one object: in constant
// memory on a device.
struct Constants {
    std::uint32_t initial[kStateWords];
    std::uint8_t sigma[kRounds][kBlockWords];
};
inline constexpr Constants kConstants = {
    {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
    {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
     {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
     {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
     {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
     {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}}};

// A compression on one of its rows, row 0 at first. Rows 1 to 20 are of half a round each: the four sums of its quarters.
class Turn {
  public:
    // Goes on to the next row, which is this one.
    HM_PORTABLE void advance(std::size_t row, const std::uint32_t* input, const Constants& constants) {
        const std::uint32_t *block = input + kStateWords, *tweak = block + kBlockWords;
        if (row == 1) {
            for (std::size_t j = 0; j < kQuarters; ++j) {
                a_[j] = input[j];
                b_[j] = input[kQuarters + j];
                c_[j] = constants.initial[j];
                d_[j] = constants.initial[kQuarters + j] ^ tweak[j];
            }
        } else {
            take_over(row % 2 != 0);
        }
        if (row < kRows - 1) {
            mix(constants.sigma[(row - 1) / 2] + (row % 2 ? 0 : 8), block);
            return;
        }
        for (std::size_t j = 0; j < kQuarters; ++j) {
            const std::uint32_t kept[4] = {a_[j], c_[j], input[j], input[kQuarters + j]};
            for (std::size_t i = 0; i < 4; ++i) {
                sums_[i][j] = kept[i];
                carries_[i][j] = 0;
            }
        }
    }

    // The next chaining value, on the last row.
    HM_PORTABLE void result(std::uint32_t* output) const {
        for (std::size_t j = 0; j < kQuarters; ++j) {
            output[j] = sums_[2][j] ^ a_[j] ^ c_[j];
            output[kQuarters + j] = sums_[3][j] ^ b_[j] ^ d_[j];
        }
    }

    template <class Sink>
    HM_PORTABLE void put(std::size_t row, const Request& request, const Sink& cells) const {
        put_step(row, kRows, request, cells);
        for (std::size_t i = 0; i < kStateWords + kBlockWords; ++i) cells.put(kStart + i, request.input[i]);
        if (row == 0) {
            for (std::size_t i = 0; i < kStateWords + kBlockWords; ++i) cells.bits(kB + 32 * i, request.input[i]);
            return;
        }
        for (std::size_t j = 0; j < kQuarters; ++j) {
            cells.put(kA + j, a_[j]);
            cells.put(kC + j, c_[j]);
            cells.bits(kB + 32 * j, b_[j]);
            cells.bits(kD + 32 * j, d_[j]);
            for (std::size_t i = 0; i < 4; ++i) {
                cells.bits(kSumA + kWords * i + 32 * j, sums_[i][j]);
                cells.put(kCarry + kQuarters * i + j, carries_[i][j]);
            }
        }
    }

  private:
    using Four = std::array<std::uint32_t, kQuarters>;

    // The state that leaves a row of columns, or of diagonals, enters the next one.
    HM_PORTABLE void take_over(bool diagonal) {
        const std::size_t back = diagonal ? 1 : 3;  // where b goes; d goes the other way
        Four b, c, d;
        for (std::size_t j = 0; j < kQuarters; ++j) {
            const std::uint32_t d1 = std::rotr(d_[j] ^ sums_[0][j], 16), b1 = std::rotr(b_[j] ^ sums_[1][j], 12);
            b[(j + back) % kQuarters] = std::rotr(b1 ^ sums_[3][j], 7);
            c[(j + 2) % kQuarters] = sums_[3][j];
            d[(j + kQuarters - back) % kQuarters] = std::rotr(d1 ^ sums_[2][j], 8);
        }
        a_ = sums_[2];
        b_ = b;
        c_ = c;
        d_ = d;
    }

    // order: of the message words that the quarters add, two each.
    HM_PORTABLE void mix(const std::uint8_t* order, const std::uint32_t* block) {
        for (std::size_t j = 0; j < kQuarters; ++j) {
            const std::uint32_t a1 = add(0, j, std::uint64_t{a_[j]} + b_[j] + block[order[2 * j]]);
            const std::uint32_t d1 = std::rotr(d_[j] ^ a1, 16);
            const std::uint32_t c1 = add(1, j, std::uint64_t{c_[j]} + d1);
            const std::uint32_t b1 = std::rotr(b_[j] ^ c1, 12);
            const std::uint32_t a2 = add(2, j, std::uint64_t{a1} + b1 + block[order[2 * j + 1]]);
            add(3, j, std::uint64_t{c1} + std::rotr(d1 ^ a2, 8));
        }
    }
    HM_PORTABLE std::uint32_t add(std::size_t which, std::size_t quarter, std::uint64_t sum) {
        carries_[which][quarter] = static_cast<std::uint32_t>(sum >> 32);
        return sums_[which][quarter] = static_cast<std::uint32_t>(sum);
    }

    // What enters the row, its sums and their carries; on the last row the final state, and the chaining value as sums.
    Four a_{}, b_{}, c_{}, d_{};
    std::array<Four, 4> sums_{}, carries_{};
};

}  // namespace hm::expand::blake2s
