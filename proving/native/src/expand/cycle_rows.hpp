// Rows of the instruction tables that have no memory access.
#pragma once

#include "expand/row.hpp"

namespace hm::expand {

// A record of a cycle family.
struct Cycle {
    std::uint32_t clk, pc, v1, v2, old, out, p1, p2, pd;

    HM_PORTABLE explicit Cycle(const std::uint32_t* r)
        : clk(r[0]), pc(r[1]), v1(r[2]), v2(r[3]), old(r[4]), out(r[5]), p1(r[6]), p2(r[7]), pd(r[8]) {}
};

// Counts what shows when rs1, rs2 and, where it is written, rd were last accessed.
template <class Counts>
HM_PORTABLE void count_gaps(const Cycle& c, bool writes, Counts& counts) {
    const std::uint64_t time = 4 * std::uint64_t{c.clk};
    counts.gap(time, c.p1);
    counts.gap(time + 1, c.p2);
    if (writes) counts.gap(time + 3, c.pd);
}

struct AddImmediateRows : NoInverses {
    static constexpr std::size_t kWidth = 9;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Cycle c(record);
        const std::uint64_t time = 4 * std::uint64_t{c.clk};
        counts.gap(time, c.p1);
        counts.gap(time + 3, c.pd);
        counts.check32(c.out);
        table.put(row, columns::AddImmediate{
            .clk = c.clk, .pc = c.pc, .is_add = d.operation == kAddImmediate, .is_advice = d.operation == kAdvice,
            .rs1 = d.rs1, .rd = d.rd, .imm = d.imm, .v1 = c.v1, .old = c.old, .out = c.out, .p1 = c.p1, .pd = c.pd,
            .out_high = c.out >> 16});
    }
};

struct AddRows {
    static constexpr std::size_t kWidth = 9;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Cycle c(record);
        const std::uint32_t base = d.operation & ~1U;
        const bool add = base == kAdd;
        const bool sub = base == kSub;
        const bool sltu = base == kSltu;
        const bool equal = base == kEqual;
        const bool less = base == kUnsignedLess;
        const bool negate = d.operation & 1;
        const bool branch = equal || less;
        const bool compare = equal ? c.v1 == c.v2 : c.v1 < c.v2;
        const std::uint32_t out = branch ? compare : c.out;
        const std::uint32_t x = add ? c.v1 + c.v2 : c.v1 - c.v2;
        const std::uint64_t after = std::uint64_t{c.pc} + 4;
        count_gaps(c, !branch, counts);
        if (!equal) counts.check32(x);
        table.put(row, columns::Add{
            .clk = c.clk, .pc = c.pc, .is_add = add, .is_sub = sub, .is_sltu = sltu, .equal = equal, .less = less,
            .negate = negate, .rs1 = d.rs1, .rs2 = d.rs2, .rd = d.rd, .target = d.target, .v1 = c.v1, .v2 = c.v2,
            .old = c.old, .out = out, .p1 = c.p1, .p2 = c.p2, .pd = c.pd,
            .x = equal ? field_difference(c.v1, c.v2) : x, .x_high = equal ? 0 : x >> 16,
            .next_pc = branch && compare != negate ? d.target : after});
    }
    template <class Each>
    HM_PORTABLE static void inverted(Each&& each) {
        each(HM_COLUMN(Add, x), HM_COLUMN(Add, equal));
    }
};

struct ControlRows : NoInverses {
    static constexpr std::size_t kWidth = 9;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Cycle c(record);
        const bool negate = d.operation & 1;
        const std::uint32_t base = d.operation & ~1U;
        const bool jal = base == kJal;
        const bool jalr = base == kJalr;
        const bool less = base == kLess;
        const bool set_signed = base == kSetSigned;
        const bool set_immediate = base == kSetImmediate;
        const bool is_signed = less || set_signed;
        const bool ordered = is_signed || set_immediate;
        const std::uint32_t b = c.v2 + d.imm;
        const std::uint64_t sum = std::uint64_t{c.v1} + d.imm;
        std::uint32_t compare = 0;
        std::uint32_t sign1 = 0;
        std::uint32_t sign2 = 0;
        std::uint32_t t1 = 0;
        std::uint32_t t2 = 0;
        count_gaps(c, !less, counts);
        if (is_signed) {
            sign1 = c.v1 >> 31;
            sign2 = b >> 31;
            t1 = c.v1 >> 16 & 0x7fff;
            t2 = b >> 16 & 0x7fff;
            counts.check(16, c.v1 & 0xffff);
            counts.check(15, t1);
            counts.check(16, b & 0xffff);
            counts.check(15, t2);
        }
        if (ordered) compare = is_signed ? static_cast<std::int32_t>(c.v1) < static_cast<std::int32_t>(b) : c.v1 < b;
        if (jalr) {
            compare = static_cast<std::uint32_t>(sum >> 32);
            sign1 = sum & 1;
        }
        const bool taken = less && (compare != 0) != negate;
        const std::uint64_t after = std::uint64_t{c.pc} + 4;
        const std::uint64_t next_pc = jalr ? sum & 0xfffffffe : jal || taken ? d.target : after;
        const std::uint32_t x = jalr ? static_cast<std::uint32_t>(next_pc >> 2) : ordered ? c.v1 - b : 0;
        if (ordered || jalr) {
            counts.check(16, x & 0xffff);
            counts.check(jalr ? 14 : 16, x >> 16);
        }
        table.put(row, columns::Control{
            .clk = c.clk, .pc = c.pc, .jal = jal, .jalr = jalr, .less = less, .set_signed = set_signed,
            .set_immediate = set_immediate, .negate = negate, .rs1 = d.rs1, .rs2 = d.rs2, .rd = d.rd, .imm = d.imm,
            .target = d.target, .v1 = c.v1, .v2 = c.v2, .old = c.old, .out = c.out, .p1 = c.p1, .p2 = c.p2, .pd = c.pd,
            .compare = compare, .next_pc = next_pc, .x_low = x & 0xffff, .x_high = x >> 16, .sign1 = sign1, .sign2 = sign2,
            .t1 = t1, .t2 = t2});
    }
};

HM_PORTABLE constexpr std::array<std::uint64_t, 4> bytes_of(std::uint32_t word) {
    return {word & 255, word >> 8 & 255, word >> 16 & 255, word >> 24};
}

// Counts the conjunctions of both operands' bytes.
template <class Counts>
HM_PORTABLE void count_bytes(std::uint32_t a, std::uint32_t b, Counts& counts) {
    for (unsigned i = 0; i < 4; ++i) counts.conjunction(a >> 8 * i & 255, b >> 8 * i & 255);
}

struct BitwiseRows : NoInverses {
    static constexpr std::size_t kWidth = 9;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Cycle c(record);
        count_gaps(c, true, counts);
        const std::uint32_t b = c.v2 + d.imm;
        count_bytes(c.v1, b, counts);
        table.put(row, columns::Bitwise{
            .clk = c.clk, .pc = c.pc, .is_and = d.operation == kAnd, .is_or = d.operation == kOr, .is_xor = d.operation == kXor,
            .rs1 = d.rs1, .rs2 = d.rs2, .rd = d.rd, .imm = d.imm, .old = c.old, .out = c.out,
            .p1 = c.p1, .p2 = c.p2, .pd = c.pd,
            .a = bytes_of(c.v1), .b = bytes_of(b), .both = bytes_of(c.v1 & b)});
    }
};

// The rows of shifts in the bitwise table.
struct ShiftRows : NoInverses {
    static constexpr std::size_t kWidth = 9;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Cycle c(record);
        count_gaps(c, true, counts);
        const bool left = d.operation == kSll;
        const bool arithmetic = d.operation == kSra;
        const std::uint32_t b = c.v2 + d.imm;
        const std::uint32_t amount = b & 31;
        const std::uint64_t power = std::uint64_t{1} << (left ? amount : 31 - amount);
        const std::uint64_t product = c.v1 * power;
        const std::uint64_t shifted = left ? product & 0xffffffff : product >> 31;
        const std::uint64_t other = left ? product >> 32 : product & 0x7fffffff;
        counts.constant((left ? 0 : 256) + (b & 255));
        counts.check32(static_cast<std::uint32_t>(shifted));
        counts.check(16, other & 0xffff);
        counts.check(15, other >> 16);
        if (arithmetic) counts.conjunction(c.v1 >> 24, 128);
        count_bytes(c.v1, b, counts);
        table.put(row, columns::Bitwise{
            .clk = c.clk, .pc = c.pc, .is_sll = left, .is_srl = d.operation == kSrl, .is_sra = arithmetic,
            .rs1 = d.rs1, .rs2 = d.rs2, .rd = d.rd, .imm = d.imm, .old = c.old, .out = c.out,
            .p1 = c.p1, .p2 = c.p2, .pd = c.pd,
            .a = bytes_of(c.v1), .b = bytes_of(b), .both = bytes_of(c.v1 & b), .power = power,
            .r_low = shifted & 0xffff, .r_high = shifted >> 16, .o_low = other & 0xffff, .o_high = other >> 16,
            .sign = arithmetic ? c.v1 >> 31 : 0});
    }
};

struct MulRows {
    static constexpr std::size_t kWidth = 9;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Cycle c(record);
        count_gaps(c, true, counts);
        const bool both_signed = d.operation == kMulh;
        const bool is_signed = both_signed || d.operation == kMulhsu;
        const std::uint32_t sign1 = is_signed ? c.v1 >> 31 : 0;
        const std::uint32_t sign2 = both_signed ? c.v2 >> 31 : 0;
        const std::uint64_t product = std::uint64_t{c.v1} * c.v2;
        const std::uint32_t low = static_cast<std::uint32_t>(product);
        const std::uint32_t upper = static_cast<std::uint32_t>(product >> 32) - (sign1 ? c.v2 : 0) - (sign2 ? c.v1 : 0);
        const std::uint32_t u_sign = is_signed ? upper >> 31 : 0;
        const std::uint32_t u_high = is_signed ? upper >> 16 & 0x7fff : upper >> 16;
        const std::uint32_t t1 = is_signed ? c.v1 >> 16 & 0x7fff : 0;
        const std::uint32_t t2 = both_signed ? c.v2 >> 16 & 0x7fff : 0;
        counts.check32(low);
        counts.check(16, upper & 0xffff);
        counts.check(is_signed ? 15 : 16, u_high);
        if (is_signed) {
            counts.check(16, c.v1 & 0xffff);
            counts.check(15, t1);
        }
        if (both_signed) {
            counts.check(16, c.v2 & 0xffff);
            counts.check(15, t2);
        }
        const std::int64_t high = is_signed ? static_cast<std::int32_t>(upper) : static_cast<std::int64_t>(upper);
        const std::int64_t distance = high - (is_signed ? 0x7fffffffLL : 0xffffffffLL);
        table.put(row, columns::MulDiv{
            .clk = c.clk, .pc = c.pc, .is_mul = d.operation == kMul, .is_mulh = both_signed, .is_mulhu = d.operation == kMulhu,
            .is_mulhsu = d.operation == kMulhsu, .rs1 = d.rs1, .rs2 = d.rs2, .rd = d.rd,
            .v1 = c.v1, .v2 = c.v2, .old = c.old, .out = c.out, .p1 = c.p1, .p2 = c.p2, .pd = c.pd,
            .q_low = low & 0xffff, .q_high = low >> 16, .r_low = upper & 0xffff,
            .r_high = u_high, .sign1 = sign1, .sign2 = sign2, .t1 = t1, .t2 = t2, .negative = u_sign,
            .inverse = field_difference(0, static_cast<std::uint64_t>(-distance))});
    }
    template <class Each>
    HM_PORTABLE static void inverted(Each&& each) {
        each(HM_COLUMN(MulDiv, inverse));
    }
};

struct DivRows {
    static constexpr std::size_t kWidth = 9;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Cycle c(record);
        count_gaps(c, true, counts);
        const bool is_signed = d.operation == kDiv || d.operation == kRem;
        const bool takes_quotient = d.operation == kDiv || d.operation == kDivu;
        const bool sign1 = is_signed && c.v1 >> 31;
        const bool sign2 = is_signed && c.v2 >> 31;
        const std::uint32_t dividend = sign1 ? -c.v1 : c.v1;
        const std::uint32_t divisor = sign2 ? -c.v2 : c.v2;
        const bool by_zero = divisor == 0;
        const std::uint32_t quotient = by_zero ? 0xffffffff : dividend / divisor;
        const std::uint32_t remainder = by_zero ? dividend : dividend % divisor;
        const std::uint32_t slack = by_zero ? 0 : divisor - remainder - 1;
        const std::uint32_t result = takes_quotient ? quotient : remainder;
        const bool negative = takes_quotient ? sign1 != sign2 && !by_zero : sign1;
        const std::uint32_t t1 = is_signed ? c.v1 >> 16 & 0x7fff : 0;
        const std::uint32_t t2 = is_signed ? c.v2 >> 16 & 0x7fff : 0;
        counts.check32(quotient);
        counts.check32(remainder);
        if (!by_zero) counts.check32(slack);
        if (is_signed) {
            counts.check(16, c.v1 & 0xffff);
            counts.check(15, t1);
            counts.check(16, c.v2 & 0xffff);
            counts.check(15, t2);
        }
        table.put(row, columns::MulDiv{
            .clk = c.clk, .pc = c.pc, .is_div = d.operation == kDiv, .is_divu = d.operation == kDivu,
            .is_rem = d.operation == kRem, .is_remu = d.operation == kRemu, .rs1 = d.rs1, .rs2 = d.rs2, .rd = d.rd,
            .v1 = c.v1, .v2 = c.v2, .old = c.old, .out = c.out, .p1 = c.p1, .p2 = c.p2, .pd = c.pd,
            .q_low = quotient & 0xffff, .q_high = quotient >> 16,
            .r_low = remainder & 0xffff, .r_high = remainder >> 16, .s_low = slack & 0xffff, .s_high = slack >> 16,
            .sign1 = sign1, .sign2 = sign2, .t1 = t1, .t2 = t2, .negative = negative, .by_zero = by_zero, .inverse = c.v2,
            .nonzero = result != 0, .result_inverse = result});
    }
    template <class Each>
    HM_PORTABLE static void inverted(Each&& each) {
        each(HM_COLUMN(MulDiv, inverse));
        each(HM_COLUMN(MulDiv, result_inverse));
    }
};

}  // namespace hm::expand
