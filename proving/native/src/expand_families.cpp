// The instruction tables of main_vm that have no memory access. Cells are written in the order of the table's columns.
#include "expand.hpp"

namespace hm::expand {
namespace {

constexpr std::size_t kCycle = 9;
// The column of the inverse in the mul_div table.
constexpr std::size_t kInverse = 36;

// A record of a cycle family.
struct Cycle {
    std::uint32_t clk, pc, v1, v2, old, out, p1, p2, pd;

    explicit Cycle(const std::uint32_t* r)
        : clk(r[0]), pc(r[1]), v1(r[2]), v2(r[3]), old(r[4]), out(r[5]), p1(r[6]), p2(r[7]), pd(r[8]) {}
};

// Bits 16.. of the times since the last accesses to rs1, rs2 and rd.
struct Gaps {
    std::uint32_t h1, h2, hd = 0;

    Gaps(const Cycle& c, const Decoded& d, Counts& counts) {
        const std::uint64_t time = 4 * std::uint64_t{c.clk};
        h1 = counts.gap(time, c.p1);
        h2 = counts.gap(time + 1, c.p2);
        counts.pair(h1, h2);
        if (d.writes) {
            hd = counts.gap(time + 3, c.pd);
            counts.check(8, hd);
        }
    }
};

}  // namespace

void fill_add(const Context& context, const std::uint32_t* records, std::size_t count, const Table& table) {
    each_record(context, records, count, kCycle, [&](const std::uint32_t* record, std::size_t row, const Decoded& d, Counts& counts) {
        const Cycle c(record);
        const Gaps g(c, d, counts);
        const bool add = d.operation == kAdd;
        const bool sub = d.operation == kSub;
        const std::uint64_t sum = std::uint64_t{c.v1} + c.v2 + d.imm;
        const std::uint64_t carry = add ? sum >> 32 : sub && c.v1 < c.v2;
        counts.check32(c.out);
        table.put(row, 0, {c.clk, c.pc, add, sub, d.operation == kAdvice, d.rs1, d.rs2, d.rd, d.imm, d.writes, c.v1, c.v2, c.old,
                           c.out, c.p1, c.p2, c.pd, g.h1, g.h2, g.hd, carry, c.out >> 16});
    });
}

void fill_control(const Context& context, const std::uint32_t* records, std::size_t count, const Table& table) {
    constexpr std::size_t inverse_column = 26;
    each_record(context, records, count, kCycle, [&](const std::uint32_t* record, std::size_t row, const Decoded& d, Counts& counts) {
        const Cycle c(record);
        const Gaps g(c, d, counts);
        const std::uint32_t base = d.operation & ~3U;
        const bool jal = base == kJal;
        const bool jalr = base == kJalr;
        const bool equal = base == kEqual;
        const bool ordered = base == kLess || base == kSet;
        const bool negate = d.operation & 1;
        const bool is_signed = d.operation & 2;
        const std::uint32_t b = c.v2 + d.imm;
        const std::uint64_t sum = std::uint64_t{c.v1} + d.imm;
        std::uint32_t compare = 0;
        std::uint32_t sign1 = 0;
        std::uint32_t sign2 = 0;
        std::uint32_t t1 = 0;
        std::uint32_t t2 = 0;
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
        if (equal) compare = c.v1 == c.v2;
        if (ordered) compare = is_signed ? static_cast<std::int32_t>(c.v1) < static_cast<std::int32_t>(b) : c.v1 < b;
        if (jalr) {
            compare = static_cast<std::uint32_t>(sum >> 32);
            sign1 = sum & 1;
        }
        const bool taken = (equal || base == kLess) && (compare != 0) != negate;
        const std::uint64_t after = std::uint64_t{c.pc} + 4;
        const std::uint64_t next_pc = jalr ? sum & 0xfffffffe : jal || taken ? d.target : after;
        const std::uint32_t x = jalr ? static_cast<std::uint32_t>(next_pc >> 2) : ordered ? c.v1 - b : 0;
        if (ordered || jalr) {
            counts.check(16, x & 0xffff);
            counts.check(jalr ? 14 : 16, x >> 16);
        }
        table.put(row, 0, {c.clk, c.pc, jal, jalr, equal, base == kLess, base == kSet, negate, is_signed, d.rs1, d.rs2, d.rd,
                           d.imm, d.writes, d.target, c.v1, c.v2, c.old, c.out, c.p1, c.p2, c.pd, g.h1, g.h2, g.hd, compare,
                           equal ? field_difference(c.v1, c.v2) : 0, next_pc, x & 0xffff, x >> 16, sign1, sign2, t1, t2});
    });
    table.invert(inverse_column, 0, count);
}

namespace {

// The bytes of both operands and of their conjunction, from `column` on; returns the column after them.
std::size_t put_bytes(const Table& table, std::size_t row, std::size_t column, std::uint32_t a, std::uint32_t b, Counts& counts) {
    for (unsigned i = 0; i < 4; ++i) counts.conjunction(a >> 8 * i & 255, b >> 8 * i & 255);
    for (const std::uint32_t word : {a, b, a & b})
        column = table.put(row, column, {word & 255, word >> 8 & 255, word >> 16 & 255, word >> 24});
    return column;
}

}  // namespace

void fill_bitwise(const Context& context, const std::uint32_t* records, std::size_t count, const Table& table) {
    each_record(context, records, count, kCycle, [&](const std::uint32_t* record, std::size_t row, const Decoded& d, Counts& counts) {
        const Cycle c(record);
        const Gaps g(c, d, counts);
        const std::size_t column =
            table.put(row, 0, {c.clk, c.pc, d.operation == kAnd, d.operation == kOr, d.operation == kXor, 0, 0, 0, d.rs1, d.rs2,
                               d.rd, d.imm, d.writes, c.old, c.out, c.p1, c.p2, c.pd, g.h1, g.h2, g.hd});
        put_bytes(table, row, column, c.v1, c.v2 + d.imm, counts);
    });
}

// The rows of shifts in the bitwise table.
void fill_shift(const Context& context, const std::uint32_t* records, std::size_t count, const Table& table) {
    each_record(context, records, count, kCycle, [&](const std::uint32_t* record, std::size_t row, const Decoded& d, Counts& counts) {
        const Cycle c(record);
        const Gaps g(c, d, counts);
        const bool left = d.operation == kSll;
        const bool arithmetic = d.operation == kSra;
        const std::uint32_t b = c.v2 + d.imm;
        const std::uint32_t amount = b & 31;
        const std::uint64_t power = std::uint64_t{1} << (left ? amount : 31 - amount);
        const std::uint64_t product = c.v1 * power;
        const std::uint64_t shifted = left ? product & 0xffffffff : product >> 31;
        const std::uint64_t other = left ? product >> 32 : product & 0x7fffffff;
        ++counts.constants[(left ? 0 : 256) + (b & 255)];
        counts.check32(static_cast<std::uint32_t>(shifted));
        counts.check(16, other & 0xffff);
        counts.check(15, other >> 16);
        if (arithmetic) counts.conjunction(c.v1 >> 24, 128);
        std::size_t column =
            table.put(row, 0, {c.clk, c.pc, 0, 0, 0, left, d.operation == kSrl, arithmetic, d.rs1, d.rs2, d.rd, d.imm, d.writes,
                               c.old, c.out, c.p1, c.p2, c.pd, g.h1, g.h2, g.hd});
        column = put_bytes(table, row, column, c.v1, b, counts);
        table.put(row, column, {power, shifted & 0xffff, shifted >> 16, other & 0xffff, other >> 16, arithmetic ? c.v1 >> 31 : 0});
    });
}

void fill_mul(const Context& context, const std::uint32_t* records, std::size_t count, const Table& table) {
    constexpr std::size_t inverse_column = kInverse;
    each_record(context, records, count, kCycle, [&](const std::uint32_t* record, std::size_t row, const Decoded& d, Counts& counts) {
        const Cycle c(record);
        const Gaps g(c, d, counts);
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
        table.put(row, 0, {c.clk, c.pc, d.operation == kMul, both_signed, d.operation == kMulhu, d.operation == kMulhsu, 0, 0, 0,
                           0, d.rs1, d.rs2, d.rd, d.writes, c.v1, c.v2, c.old, c.out, c.p1, c.p2, c.pd, g.h1, g.h2, g.hd,
                           low & 0xffff, low >> 16, upper & 0xffff, u_high, 0, 0, sign1, sign2, t1, t2, u_sign, 0,
                           field_difference(0, static_cast<std::uint64_t>(-distance))});
    });
    table.invert(inverse_column, 0, count);
}

void fill_div(const Context& context, const std::uint32_t* records, std::size_t count, const Table& table) {
    constexpr std::size_t inverse_column = kInverse;
    constexpr std::size_t result_inverse_column = kInverse + 2;
    each_record(context, records, count, kCycle, [&](const std::uint32_t* record, std::size_t row, const Decoded& d, Counts& counts) {
        const Cycle c(record);
        const Gaps g(c, d, counts);
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
        table.put(row, 0, {c.clk, c.pc, 0, 0, 0, 0, d.operation == kDiv, d.operation == kDivu, d.operation == kRem,
                           d.operation == kRemu, d.rs1, d.rs2, d.rd, d.writes, c.v1, c.v2, c.old, c.out, c.p1, c.p2, c.pd, g.h1, g.h2, g.hd,
                           quotient & 0xffff, quotient >> 16, remainder & 0xffff, remainder >> 16, slack & 0xffff, slack >> 16,
                           sign1, sign2, t1, t2, negative, by_zero, c.v2, result != 0, result});
    });
    table.invert(inverse_column, 0, count);
    table.invert(result_inverse_column, 0, count);
}

void Table::invert(std::size_t column, std::size_t begin, std::size_t end) const {
    std::uint64_t* const cells = data + column * height;
    parallel_for(end - begin, kGrain, [&](std::size_t from, std::size_t to) {
        from += begin;
        to += begin;
        std::vector<Fp> before(to - from);
        Fp product(1);
        for (std::size_t i = from; i < to; ++i) {
            before[i - from] = product;
            if (cells[i] != 0) product *= Fp(cells[i]);
        }
        Fp inverse = product.inverse();
        for (std::size_t i = to; i-- > from;) {
            if (cells[i] == 0) continue;
            const Fp cell(cells[i]);
            cells[i] = (inverse * before[i - from]).value;
            inverse *= cell;
        }
    });
}

}  // namespace hm::expand
