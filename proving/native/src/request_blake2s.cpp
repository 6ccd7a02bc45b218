// The compression of Blake2s, and the columns of its table (proving/circuits/blake2s.py).
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
constexpr std::size_t kInputWords = kStateWords + kBlockWords + 4;
constexpr std::size_t kRounds = 10;
constexpr std::size_t kQuarters = 4;
constexpr std::size_t kRows = 2 + 2 * kRounds;

// Columns; those of bits and carries stand for all quarters and all that follow of their kind, of the steps for all rows.
constexpr std::size_t kReal = HM_COLUMN(Blake2s, real);
constexpr std::size_t kPosition = HM_COLUMN(Blake2s, position);
constexpr std::size_t kWords = 32 * kQuarters;
constexpr std::size_t kB = HM_COLUMN(Blake2s, b0);
constexpr std::size_t kD = HM_COLUMN(Blake2s, d0);
constexpr std::size_t kSumA = HM_COLUMN(Blake2s, sum_a0);
constexpr std::size_t kA = HM_COLUMN(Blake2s, a);
constexpr std::size_t kC = HM_COLUMN(Blake2s, c);
constexpr std::size_t kStart = HM_COLUMN(Blake2s, start);
constexpr std::size_t kMessage = HM_COLUMN(Blake2s, message);
constexpr std::size_t kCarry = HM_COLUMN(Blake2s, carry_sum_a);
static_assert(HM_COLUMN(Blake2s, step) == 0 && kReal == kRows);
static_assert(HM_COLUMN(Blake2s, b3) == kB + 96 && HM_COLUMN(Blake2s, d3) == kD + 96);
static_assert(HM_COLUMN(Blake2s, sum_c0) == kSumA + kWords && HM_COLUMN(Blake2s, next_a0) == kSumA + 2 * kWords);
static_assert(HM_COLUMN(Blake2s, next_c0) == kSumA + 3 * kWords && HM_COLUMN(Blake2s, next_c3) == kA - 32);
static_assert(HM_COLUMN(Blake2s, carry_sum_c) == kCarry + 4 && HM_COLUMN(Blake2s, carry_next_a) == kCarry + 8 &&
              HM_COLUMN(Blake2s, carry_next_c) == kCarry + 12);

constexpr std::array<std::uint32_t, kStateWords> kInitial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr std::uint8_t kSigma[kRounds][kBlockWords] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

using Four = std::array<std::uint32_t, kQuarters>;

// One row of rounds: what enters it, its four sums and their carries.
struct Mixed {
    Four a, b, c, d;
    std::array<Four, 4> sums, carries;
};

struct Run {
    std::array<Mixed, 2 * kRounds + 1> rows;  // the last one holds the final state only
    std::array<std::uint32_t, kStateWords> result;

    explicit Run(const std::uint32_t* input) : rows{} {
        const std::uint32_t *block = input + kStateWords, *tweak = block + kBlockWords;
        for (std::size_t j = 0; j < kQuarters; ++j) {
            rows[0].a[j] = input[j];
            rows[0].b[j] = input[kQuarters + j];
            rows[0].c[j] = kInitial[j];
            rows[0].d[j] = kInitial[kQuarters + j] ^ tweak[j];
        }
        for (std::size_t r = 0; r < 2 * kRounds; ++r) {
            Mixed &now = rows[r], &next = rows[r + 1];
            const std::size_t diagonal = r % 2;
            for (std::size_t j = 0; j < kQuarters; ++j) {
                const auto add = [&](std::size_t which, std::uint64_t sum) {
                    now.sums[which][j] = static_cast<std::uint32_t>(sum);
                    now.carries[which][j] = static_cast<std::uint32_t>(sum >> 32);
                    return now.sums[which][j];
                };
                const std::uint8_t* order = kSigma[r / 2] + 8 * diagonal + 2 * j;
                const std::uint32_t a1 = add(0, std::uint64_t{now.a[j]} + now.b[j] + block[order[0]]);
                const std::uint32_t d1 = std::rotr(now.d[j] ^ a1, 16);
                const std::uint32_t c1 = add(1, std::uint64_t{now.c[j]} + d1);
                const std::uint32_t b1 = std::rotr(now.b[j] ^ c1, 12);
                const std::uint32_t a2 = add(2, std::uint64_t{a1} + b1 + block[order[1]]);
                const std::uint32_t d2 = std::rotr(d1 ^ a2, 8);
                const std::uint32_t c2 = add(3, std::uint64_t{c1} + d2);
                const std::size_t back = diagonal ? 1 : 3;  // where b goes; d goes the other way
                next.a[j] = a2;
                next.b[(j + back) % kQuarters] = std::rotr(b1 ^ c2, 7);
                next.c[(j + 2) % kQuarters] = c2;
                next.d[(j + kQuarters - back) % kQuarters] = d2;
            }
        }
        Mixed& last = rows[2 * kRounds];
        last.sums[0] = last.a;
        last.sums[1] = last.c;
        std::copy_n(input, kQuarters, last.sums[2].begin());
        std::copy_n(input + kQuarters, kQuarters, last.sums[3].begin());
        for (std::size_t j = 0; j < kQuarters; ++j) {
            result[j] = input[j] ^ last.a[j] ^ last.c[j];
            result[kQuarters + j] = input[kQuarters + j] ^ last.b[j] ^ last.d[j];
        }
    }
};

void fill_turn(const std::uint32_t* input, bool real, std::size_t position, const Turn& turn) {
    const Run run(input);
    for (std::size_t row = 0; row < kRows; ++row) {
        turn.put(row, row, 1);
        turn.put(row, kReal, real);
        turn.put(row, kPosition, position);
        for (std::size_t i = 0; i < kStateWords + kBlockWords; ++i) turn.put(row, kStart + i, input[i]);
        if (row == 0) {
            for (std::size_t i = 0; i < kStateWords + kBlockWords; ++i) turn.bits(row, kB + 32 * i, input[i]);
            continue;
        }
        const Mixed& now = run.rows[row - 1];
        for (std::size_t j = 0; j < kQuarters; ++j) {
            turn.put(row, kA + j, now.a[j]);
            turn.put(row, kC + j, now.c[j]);
            turn.bits(row, kB + 32 * j, now.b[j]);
            turn.bits(row, kD + 32 * j, now.d[j]);
            for (std::size_t i = 0; i < 4; ++i) {
                turn.bits(row, kSumA + kWords * i + 32 * j, now.sums[i][j]);
                turn.put(row, kCarry + kQuarters * i + j, now.carries[i][j]);
            }
        }
    }
}

}  // namespace

void hm::blake2s(const std::uint32_t* inputs, std::uint32_t* outputs) {
    const Run run(inputs);
    std::copy(run.result.begin(), run.result.end(), outputs);
}

// inputs (count, 28) words: chaining value, block, counter, marks of the last block -> outputs (count, 8).
extern "C" HM_EXPORT void hm_blake2s(const std::uint32_t* inputs, std::size_t count, std::uint32_t* outputs) {
    hm::request::answer_each<kInputWords, kStateWords>(inputs, count, outputs, hm::blake2s);
}

// Fills the zeroed table: 22 rows for each request, then turns for zeros, the last one cut off where the table ends.
// blocks: of one request in the chain.
extern "C" HM_EXPORT void hm_blake2s_fill(const std::uint32_t* inputs, std::size_t count, std::size_t blocks,
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
