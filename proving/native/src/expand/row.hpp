// Rows of tables from execution records, requests and wires: what the tables share.
//
// The headers of this folder say what a row holds, once: the native library and the CUDA kernels are both compiled from
// them. A table is column-major, zero before the fill, and its columns are those of columns.hpp. Every fill counts the
// lookups that its rows make.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "columns.hpp"
#include "field/goldilocks.hpp"
#include "portable.hpp"

namespace hm::expand {

inline constexpr std::size_t kRangeRows = 1 << 17;
inline constexpr std::size_t kByteRows = 1 << 16;
inline constexpr std::size_t kConstantRows = 1024;

// Elements of a digest, and rows of a compression.
inline constexpr std::size_t kDigest = 4;
inline constexpr std::size_t kCompressionRows = 8;

// Operations as in proving/machine/main_vm/buses.py.
enum Operation : std::uint32_t {
    kAddImmediate = 1, kAdvice, kAnd, kOr, kXor, kSll, kSrl, kSra, kMul, kMulh, kMulhu, kMulhsu, kDiv, kDivu, kRem, kRemu,
    kLw, kSw, kPoseidon2, kHalt, kFirstRequest,
    kSubWord = 32,
    kJal = 64, kJalr = 68, kEqual = 72, kUnsignedLess = 76, kLess = 78, kSetImmediate = 80, kSetSigned = 82,
    kAdd = 84, kSub = 86, kSltu = 88,
};

// Kinds of rows of the constant table, as in buses.py.
enum Kind : std::uint32_t {
    kShiftLeft = 1, kShiftRight = 2,
    kRegister = 16, kImmediate, kShift, kStore, kBranch, kUpper, kUpperPc, kJump, kJumpRegister, kHaltFormat,
    kAdviceFormat, kPoseidon2Format, kFence, kRequestFormat,
};

// One decoded instruction, in whole words of 64 bits.
struct alignas(8) Decoded {
    std::uint32_t pc, word, format, constant_row, operation, rd, rs1, rs2, imm, target;
    bool imm_carry, target_carry;
};

// A table's main columns.
struct Table {
    std::uint64_t* data;
    std::size_t height;

    // Writes the cells of a row, a struct of the table's columns.
    template <class Row>
    HM_PORTABLE void put(std::size_t row, const Row& cells) const {
        constexpr std::size_t count = sizeof(Row) / sizeof(std::uint64_t);
        const auto values = std::bit_cast<std::array<std::uint64_t, count>>(cells);
        std::uint64_t* target = data + row;
#ifdef __CUDACC__
#pragma unroll
#endif
        for (std::size_t column = 0; column < count; ++column) {
            *target = values[column];
            target += height;
        }
    }
    HM_PORTABLE std::uint64_t& at(std::size_t column, std::size_t row) const { return data[column * height + row]; }
};

// Lookups made, by row of the looked-up table. A sink adds one to the count of a row: of range, of byte_and for a
// conjunction or a pair, of constant.
template <class Sink>
struct Lookups : Sink {
    // A value outside its range is counted in row 0, where the bus does not balance.
    HM_PORTABLE void check(std::uint32_t bits, std::uint64_t value) {
        this->range(value >> bits ? 0 : (std::size_t{1} << bits) + value);
    }
    HM_PORTABLE void check32(std::uint32_t value) {
        check(16, value & 0xffff);
        check(16, value >> 16);
    }
    HM_PORTABLE void pair(std::uint32_t a, std::uint32_t b) { this->pairs((a & 255) << 8 | (b & 255)); }
    HM_PORTABLE void conjunction(std::uint32_t a, std::uint32_t b) { this->conjunctions(a << 8 | b); }
    HM_PORTABLE void constant(std::size_t row) { this->constants(row); }
    // The time since the last access, less one.
    HM_PORTABLE void gap(std::uint64_t time, std::uint64_t previous) { check(16, time - previous - 1); }
};

// The compressions of a segment, once their table is filled.
struct Compressions {
    // (distinct, 16) elements.
    const std::uint64_t* inputs;
    // Main columns of poseidon2.
    Table rows;
    // The number of each Poseidon2 call's compression, and of each row's of page.
    const std::uint32_t* calls;
    const std::uint32_t* pages;

    HM_PORTABLE const std::uint64_t* input(std::uint32_t number) const { return inputs + 16 * std::size_t{number}; }
    HM_PORTABLE std::array<std::uint64_t, kDigest> digest(std::uint32_t number) const {
        std::array<std::uint64_t, kDigest> sum{};
        for (std::size_t i = 0; i < kDigest; ++i) {
            const Fp output(rows.at(HM_COLUMN(Poseidon2, output) + i, kCompressionRows * number));
            sum[i] = (output + Fp(input(number)[i])).value;
        }
        return sum;
    }
};

// Each family of records has a struct of its own with the words of a record, kWidth, and with
// fill(record, number, decoded, compressions, counts, table), which writes what the record of this number takes in the
// table. inverted(each) names the columns in which a fill leaves numbers in place of their inverses, of which many are
// taken together; zero stays zero. each(column, flag) is for the rows where a flag's column is not zero.
inline constexpr std::size_t kEveryRow = ~std::size_t{0};
struct NoInverses {
    template <class Each>
    HM_PORTABLE static void inverted(Each&&) {}
};

HM_PORTABLE constexpr std::uint64_t field_difference(std::uint64_t a, std::uint64_t b) { return (Fp(a) - Fp(b)).value; }

}  // namespace hm::expand
