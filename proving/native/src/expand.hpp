// Expansion of execution records to the columns of main_vm: what the tables share.
//
// Columns are column-major, zero before the fill, and those of columns.hpp. Every fill counts the lookups that its
// rows make.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "columns.hpp"
#include "field/goldilocks.hpp"
#include "parallel.hpp"

namespace hm::expand {

inline constexpr std::size_t kRangeRows = 1 << 17;
inline constexpr std::size_t kByteRows = 1 << 16;
inline constexpr std::size_t kConstantRows = 1024;
inline constexpr std::size_t kGrain = 1 << 13;

// Operations as in proving/machine/main_vm/buses.py.
enum Operation : std::uint32_t {
    kAdd = 1, kSub, kAdvice, kAnd, kOr, kXor, kSll, kSrl, kSra, kMul, kMulh, kMulhu, kMulhsu, kDiv, kDivu, kRem, kRemu,
    kLw, kSw, kPoseidon2, kHalt, kFirstRequest,
    kSubWord = 32,
    kJal = 64, kJalr = 68, kEqual = 72, kLess = 76, kSet = 80,
};

// Kinds of rows of the constant table, as in buses.py.
enum Kind : std::uint32_t {
    kShiftLeft = 1, kShiftRight = 2,
    kRegister = 16, kImmediate, kShift, kStore, kBranch, kUpper, kUpperPc, kJump, kJumpRegister, kHaltFormat,
    kAdviceFormat, kPoseidon2Format, kFence, kRequestFormat,
};

// One decoded instruction.
struct Decoded {
    std::uint32_t pc, word, format, constant_row, operation, rd, rs1, rs2, imm, target, writes;
    bool imm_carry, target_carry;
};

// Lookups made, by row of the looked-up table.
struct Counts {
    std::vector<std::uint32_t> range = std::vector<std::uint32_t>(kRangeRows);
    std::vector<std::uint32_t> conjunctions = std::vector<std::uint32_t>(kByteRows);
    std::vector<std::uint32_t> pairs = std::vector<std::uint32_t>(kByteRows);
    std::vector<std::uint32_t> constants = std::vector<std::uint32_t>(kConstantRows);

    // A value outside its range is counted in row 0, where the bus does not balance.
    void check(std::uint32_t bits, std::uint64_t value) { ++range[value >> bits ? 0 : (std::size_t{1} << bits) + value]; }
    void check32(std::uint32_t value) {
        check(16, value & 0xffff);
        check(16, value >> 16);
    }
    void pair(std::uint32_t a, std::uint32_t b) { ++pairs[(a & 255) << 8 | (b & 255)]; }
    void conjunction(std::uint32_t a, std::uint32_t b) { ++conjunctions[a << 8 | b]; }
    // The low 16 bits of time - previous - 1; returns the bits above.
    std::uint32_t gap(std::uint64_t time, std::uint64_t previous) {
        const std::uint64_t since = time - previous - 1;
        check(16, since & 0xffff);
        return static_cast<std::uint32_t>(since >> 16);
    }
};

// Counts of all threads: one set for each piece that runs at a time.
class CountPool {
  public:
    std::unique_ptr<Counts> take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) return std::make_unique<Counts>();
        std::unique_ptr<Counts> counts = std::move(free_.back());
        free_.pop_back();
        return counts;
    }
    void give(std::unique_ptr<Counts> counts) {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(counts));
    }
    const std::vector<std::unique_ptr<Counts>>& all() const { return free_; }

  private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Counts>> free_;
};

// A table's main columns.
struct Table {
    std::uint64_t* data;
    std::size_t height;

    // Writes the cells of a row, a struct of the table's columns.
    template <class Row>
    void put(std::size_t row, const Row& cells) const {
        std::uint64_t* target = data + row;
        for (const std::uint64_t cell : std::bit_cast<std::array<std::uint64_t, sizeof(Row) / sizeof(std::uint64_t)>>(cells)) {
            *target = cell;
            target += height;
        }
    }
    std::uint64_t& at(std::size_t column, std::size_t row) const { return data[column * height + row]; }

    // Replaces the cells [begin, end) of a column by their inverses, zero by zero.
    void invert(std::size_t column, std::size_t begin, std::size_t end) const;
};

// Finds decoded instructions by pc.
class Fetch {
  public:
    explicit Fetch(const std::vector<Decoded>& rows) : rows_(rows) {
        std::size_t size = 64;
        while (size < 4 * rows.size()) size *= 2;
        mask_ = size - 1;
        slots_.assign(size, 0);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::size_t slot = start(rows[i].pc);
            while (slots_[slot] != 0) slot = (slot + 1) & mask_;
            slots_[slot] = static_cast<std::uint32_t>(i + 1);
        }
    }
    const Decoded* find(std::uint32_t pc) const {
        for (std::size_t slot = start(pc); slots_[slot] != 0; slot = (slot + 1) & mask_)
            if (rows_[slots_[slot] - 1].pc == pc) return &rows_[slots_[slot] - 1];
        return nullptr;
    }

  private:
    std::size_t start(std::uint32_t pc) const { return (pc >> 2) & mask_; }

    const std::vector<Decoded>& rows_;
    std::vector<std::uint32_t> slots_;
    std::size_t mask_;
};

inline std::uint64_t field_difference(std::uint64_t a, std::uint64_t b) { return (Fp(a) - Fp(b)).value; }

// What the expansion of one segment shares.
struct Context {
    const Fetch& fetch;
    CountPool& pool;
    std::atomic<bool>& failed;
};

// Runs fill(record, row, decoded, counts) for every record of `width` words whose first two are clk and pc; stops the
// expansion when an instruction has no decode row.
template <class Fill>
void each_record(const Context& context, const std::uint32_t* records, std::size_t count, std::size_t width, Fill&& fill) {
    parallel_for(count, kGrain, [&](std::size_t begin, std::size_t end) {
        std::unique_ptr<Counts> counts = context.pool.take();
        for (std::size_t row = begin; row < end; ++row) {
            const std::uint32_t* record = records + row * width;
            const Decoded* decoded = context.fetch.find(record[1]);
            if (decoded == nullptr) {
                context.failed = true;
                break;
            }
            fill(record, row, *decoded, *counts);
        }
        context.pool.give(std::move(counts));
    });
}

void fill_add(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_control(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_bitwise(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_shift(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_mul(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_div(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_memory_word(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_memory_sub(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_poseidon2_call(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_request(const Context&, const std::uint32_t* records, std::size_t count, const Table&);
void fill_keccak(const Context&, const std::uint32_t* records, std::size_t count, const Table&);

// Decodes the rows (pc, word, count); false when a word is no instruction. constants: the constant table, 5 columns.
bool decode_rows(const std::uint32_t* rows, std::size_t count, const std::uint64_t* constants, std::vector<Decoded>& out);
void fill_decode(const std::vector<Decoded>& decoded, const std::uint32_t* rows, Counts& counts, const Table&);

}  // namespace hm::expand
