// Rows of the table that makes calls: Poseidon2 compressions and requests (proving/machine/main_vm/call.py).
#pragma once

#include "calls.hpp"
#include "expand/row.hpp"

namespace hm::expand {
namespace call {

inline constexpr std::size_t kRows = 32;
inline constexpr std::size_t kInputs = kCallInputs;
inline constexpr std::size_t kOutputs = kCallOutputs;
// Rows with words that are no data, and the first rows of the data.
inline constexpr std::size_t kRegisterRow = 0, kPointerRow = 1, kBeforeRow = 3, kReadRow = 4, kWriteRow = 22;
// The rows of the register's elements; every third one of a request splits its second word, the next but one its first.
inline constexpr std::size_t kStreamEnd = 31, kBlockRows = 9, kGroupRows = 3;
inline constexpr std::size_t kLanes = 16;
// Where a digest or an output enters the register.
inline constexpr std::size_t kEntry = 11;

inline constexpr std::size_t kCompressionRecord = 4 + 2 * kInputs;
inline constexpr std::size_t kRequestHead = 8;
inline constexpr std::size_t kRequestBlocks = 3;
// The record of replay, then the chain's digests before each block and behind the last one, two words an element.
inline constexpr std::size_t kRequestDigests = kRequestHead + 2 * (kInputs + kOutputs);
inline constexpr std::size_t kRequestRecord = kRequestDigests + 2 * kDigest * (kRequestBlocks + 1);

inline constexpr std::uint32_t kCompression = kRequestTypes;
// The second call of Keccak-f, which writes.
inline constexpr std::uint32_t kAnswering = kCompression + 1;
// Types of requests beside it.
inline constexpr std::uint32_t kArith256 = 0, kSha256 = 2, kBlake2s = 3;

inline constexpr std::size_t kKeccakDigests = kRequestHead + 2 * kKeccakWords;
inline constexpr std::size_t kKeccakRecord = kKeccakDigests + 2 * kDigest * (kRequestBlocks + 1);

// One word that a row accesses, or holds.
struct Word {
    std::uint64_t word = 0, old = 0, previous = 0;
};

// One call, whatever it calls.
struct Call {
    // The type of a request, or that it is a compression.
    std::uint32_t type;
    // Words that are read.
    std::size_t inputs;
    std::uint32_t clk, pc, first_register, pointer, numbers;
    // Of a request: the time since the request before, less one, as an element.
    std::uint64_t since = 0;
    std::array<Word, 2> registers{};
    std::array<Word, kInputs> read{};
    std::array<Word, kOutputs> written{};
    // Of Keccak-f instead of both, the words that it reads or writes.
    std::array<Word, kKeccakWords> wide{};
    // The digests before the blocks of a request and behind the last one; the output of a compression.
    std::array<std::array<std::uint64_t, kDigest>, kRequestBlocks + 1> digests{};

    HM_PORTABLE bool request() const { return type != kCompression; }
    HM_PORTABLE bool answering() const { return type == kAnswering; }
    HM_PORTABLE bool keccak() const { return type == kKeccakType || answering(); }
    // Whether x11 points to a second buffer.
    HM_PORTABLE bool others() const { return request() && !keccak(); }

    // Whether a row reads or writes words.
    HM_PORTABLE bool reads(std::size_t row) const {
        return row >= kReadRow && row < kReadRow + (keccak() ? kKeccakWords : inputs) / 2 && !answering();
    }
    HM_PORTABLE bool writes(std::size_t row) const {
        if (keccak()) return answering() && row >= kReadRow && row < kReadRow + kKeccakWords / 2;
        return row >= kWriteRow && row < kWriteRow + kOutputs / 2;
    }
    // The step of its accesses on a row.
    HM_PORTABLE std::uint32_t step(std::size_t row) const {
        if (keccak()) return row < kReadRow ? 0 : read_step(row - kReadRow) + answering();
        return writes(row) ? 2 : reads(row) && row >= kReadRow + kOutputs / 2;
    }
};

HM_PORTABLE inline bool in_stream(std::size_t row) { return row >= kReadRow && row < kStreamEnd; }

// The words of a row: both are of one buffer.
HM_PORTABLE inline std::array<Word, 2> words_of(const Call& call, std::size_t row) {
    const std::size_t reads = 2 * (row - kReadRow), writes = 2 * (row - kWriteRow);
    if (call.keccak() && row >= kReadRow) {
        if (reads < kKeccakWords) return {call.wide[reads], call.wide[reads + 1]};
        return {};
    }
    if (row >= kReadRow && reads < kInputs) return {call.read[reads], call.read[reads + 1]};
    if (row >= kWriteRow && writes < kOutputs) return {call.written[writes], call.written[writes + 1]};
    if (row == kRegisterRow) return call.registers;
    const auto held = [](std::uint64_t word) { return Word{word, word, 0}; };
    if (row == kPointerRow) return {held(call.pointer / 32), held(call.numbers / (call.keccak() ? kKeccakAlignment : 128))};
    if (row == kBeforeRow) return {held(call.since), Word{}};
    return {};
}

// A hint that a pair of words is canonical: the inverse of the upper word less 2^32 - 1.
HM_PORTABLE inline std::uint64_t canonical(const std::array<Word, 2>& words) {
    return words[0].word == 0 ? 0 : Fp(field_difference(words[1].word, 0xffffffff)).inverse().value;
}

// The register of elements from row to row.
class Lanes {
  public:
    HM_PORTABLE explicit Lanes(const Call& call) : call_(call) {
        lanes_[0] = call.pc;
        lanes_[1] = call.first_register;
    }

    HM_PORTABLE const std::array<std::uint64_t, kLanes>& at(std::size_t row, const std::array<Word, 2>& words) {
        if (row == 1) lanes_ = {};
        const bool last_of_group = in_stream(row) && place(row) == 2;
        if (row >= kReadRow) up(call_.request() && last_of_group ? 2 : 1);
        enter(row);
        if (!in_stream(row)) return lanes_;
        const std::uint64_t first = words[0].word, second = words[1].word;
        const auto join = [](std::uint64_t whole, std::uint64_t half) { return whole + (half << 32); };
        if (!call_.request()) {
            // Where a word is written, what shows that the pair is canonical is in the lane's place.
            lanes_[kLanes - 1] = row < kWriteRow ? join(first, second) : canonical(words);
        } else if (place(row) == 0) {
            lanes_[kLanes - 1] = join(first, second & 0xffff);
            split_ = second >> 16;
        } else if (place(row) == 1) {
            lanes_[kLanes - 1] = join(first, split_);
            split_ = second;
        } else {
            lanes_[kLanes - 2] = join(split_, first & 0xffff);
            lanes_[kLanes - 1] = join(second, first >> 16);
        }
        return lanes_;
    }

  private:
    HM_PORTABLE static std::size_t place(std::size_t row) { return (row - kReadRow) % kGroupRows; }

    HM_PORTABLE void up(std::size_t steps) {
        for (std::size_t i = 0; i < kLanes; ++i) lanes_[i] = i + steps < kLanes ? lanes_[i + steps] : 0;
    }

    HM_PORTABLE void enter(std::size_t row) {
        std::size_t block = 0;
        if (call_.request()) {
            if (row < kReadRow || (row - kReadRow) % kBlockRows != 0) return;
            block = (row - kReadRow) / kBlockRows;
        } else if (row != kReadRow + kInputs / 2) {
            return;
        }
        for (std::size_t i = 0; i < kDigest; ++i) lanes_[kEntry + i] = call_.digests[block][i];
    }

    const Call& call_;
    std::array<std::uint64_t, kLanes> lanes_{};
    // What the next row needs of this row's second word.
    std::uint64_t split_ = 0;
};

HM_PORTABLE inline bool splits(const Call& call, std::size_t row, std::size_t place) {
    if (row == kPointerRow || (row >= kWriteRow && row < kWriteRow + kOutputs / 2)) return true;
    if (call.answering()) return in_stream(row);
    if (!call.request()) return false;
    if (row == kBeforeRow) return place == 0;
    return in_stream(row) && (row - kReadRow) % kGroupRows == (place == 0 ? kGroupRows - 1 : 0);
}

HM_PORTABLE inline std::uint32_t upper_bits(std::size_t row, std::size_t place) {
    if (row == kPointerRow) return place == 0 ? 11 : 9;
    return row == kBeforeRow ? 8 : 16;
}

template <class Counts>
HM_PORTABLE void fill(const Call& call, std::size_t number, Counts& counts, const Table& table) {
    Lanes register_(call);
    for (std::size_t i = 0; i < kRows; ++i) {
        const std::array<Word, 2> words = words_of(call, i);
        const bool reads = call.reads(i), data = reads || call.writes(i);
        const bool registers = i == kRegisterRow && !call.answering();
        const std::uint64_t time = 4 * std::uint64_t{call.clk} + call.step(i);
        std::array<std::uint64_t, 2> upper{};
        for (std::size_t j = 0; j < 2; ++j) {
            if (data || (registers && (j == 0 || call.others()))) counts.gap(time, words[j].previous);
            if (!splits(call, i, j)) continue;
            upper[j] = words[j].word >> 16;
            counts.check(16, words[j].word & 0xffff);
            counts.check(upper_bits(i, j), upper[j]);
        }
        if (!call.request() && reads) upper[0] = canonical(words);
        table.put(number * kRows + i, columns::Call{
            .compression = call.type == kCompression, .arith256 = call.type == kArith256, .keccak_f = call.type == kKeccakType,
            .sha256 = call.type == kSha256, .blake2s = call.type == kBlake2s, .answering = call.answering(),
            .clk = call.clk, .pointer = call.pointer, .numbers = call.numbers, .lane = register_.at(i, words),
            .word = {words[0].word, words[1].word}, .old = {words[0].old, words[1].old},
            .previous = {words[0].previous, words[1].previous}, .upper = upper});
    }
}

HM_PORTABLE inline void digests(const std::uint32_t* words, Call& call) {
    for (std::size_t i = 0; i <= kRequestBlocks; ++i)
        for (std::size_t j = 0; j < kDigest; ++j)
            call.digests[i][j] = words[2 * (kDigest * i + j)] | std::uint64_t{words[2 * (kDigest * i + j) + 1]} << 32;
}

HM_PORTABLE inline Word unchanged(std::uint64_t word, std::uint64_t previous) { return {word, word, previous}; }

}  // namespace call

struct Poseidon2CallRows : NoInverses {
    static constexpr std::size_t kWidth = call::kCompressionRecord;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t number, const Decoded& d,
                                 const Compressions& compressions, Counts& counts, const Table& table) {
        call::Call made{.type = call::kCompression, .inputs = kCallInputs, .clk = record[0], .pc = record[1],
                        .first_register = d.rs1, .pointer = record[2],
                        .numbers = record[2] + 4 * static_cast<std::uint32_t>(kCallOutputs)};
        made.registers[0] = call::unchanged(record[2], record[3]);
        const std::uint32_t* words = record + 4;
        for (std::size_t i = 0; i < kCallInputs; ++i) made.read[i] = call::unchanged(words[2 * i], words[2 * i + 1]);
        made.digests[0] = compressions.digest(compressions.calls[number]);
        for (std::size_t i = 0; i < kCallOutputs; ++i)
            made.written[i] = {static_cast<std::uint32_t>(made.digests[0][i / 2] >> 32 * (i % 2)), words[2 * i],
                               4 * made.clk};
        call::fill(made, number, counts, table);
    }
};

struct RequestRows : NoInverses {
    static constexpr std::size_t kWidth = call::kRequestRecord;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t number, const Decoded&, const Compressions&,
                                 Counts& counts, const Table& table) {
        call::Call made{.type = record[2], .inputs = request_inputs(record[2]), .clk = record[0], .pc = record[1],
                        .first_register = kOperandRegister, .pointer = record[3], .numbers = record[5],
                        .since = field_difference(record[0], std::uint64_t{record[7]} + 1)};
        for (std::size_t i = 0; i < 2; ++i)
            made.registers[i] = call::unchanged(record[3 + 2 * i], record[4 + 2 * i]);
        const std::uint32_t* words = record + call::kRequestHead;
        for (std::size_t i = 0; i < kCallInputs; ++i) made.read[i] = call::unchanged(words[2 * i], words[2 * i + 1]);
        const std::uint32_t* answers = words + 2 * kCallInputs;
        for (std::size_t i = 0; i < kCallOutputs; ++i)
            made.written[i] = {answers[2 * i], words[2 * i], answers[2 * i + 1]};
        call::digests(record + call::kRequestDigests, made);
        call::fill(made, number, counts, table);
    }
};

struct KeccakRows : NoInverses {
    static constexpr std::size_t kWidth = call::kKeccakRecord;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t number, const Decoded&, const Compressions&,
                                 Counts& counts, const Table& table) {
        const bool answers = record[2] != 0 && number != 0;
        call::Call made{.type = answers ? call::kAnswering : static_cast<std::uint32_t>(kKeccakType),
                        .inputs = kKeccakWords, .clk = record[0], .pc = answers ? 0 : record[1],
                        .first_register = answers ? 0 : kOperandRegister, .pointer = record[3],
                        .numbers = record[3] + 4 * static_cast<std::uint32_t>(kCallOutputs),
                        // The answer follows at the same time.
                        .since = answers ? kPrime - 1 : field_difference(record[0], std::uint64_t{record[7]} + 1)};
        if (!answers) made.registers[0] = call::unchanged(record[3], record[4]);
        const std::uint32_t* words = record + call::kRequestHead;
        for (std::size_t i = 0; i < kKeccakWords; ++i) {
            // The call before has read what an answer replaces.
            const std::uint32_t* word = words + 2 * i;
            made.wide[i] = {word[0], answers ? *(word - kWidth) : word[0], word[1]};
        }
        call::digests(record + call::kKeccakDigests, made);
        call::fill(made, number, counts, table);
    }
};

}  // namespace hm::expand
