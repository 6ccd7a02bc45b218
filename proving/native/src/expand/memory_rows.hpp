// Rows of the instruction tables that access memory.
#pragma once

#include "expand/row.hpp"

namespace hm::expand {

// A record of a memory family.
struct Access {
    std::uint32_t clk, pc, v1, v2, old, out, p1, p2, pd, mem_old, mem_new, pm;

    HM_PORTABLE explicit Access(const std::uint32_t* r)
        : clk(r[0]), pc(r[1]), v1(r[2]), v2(r[3]), old(r[4]), out(r[5]), p1(r[6]), p2(r[7]), pd(r[8]), mem_old(r[9]),
          mem_new(r[10]), pm(r[11]) {}
};

// What both memory tables do with their accesses and their address.
struct Accesses {
    std::uint32_t reg_old, pr, address, carry;

    template <class Counts>
    HM_PORTABLE Accesses(const Access& a, const Decoded& d, bool store, Counts& counts)
        : reg_old(store ? a.v2 : a.old), pr(store ? a.p2 : a.pd) {
        const std::uint64_t time = 4 * std::uint64_t{a.clk};
        counts.gap(time, a.p1);
        counts.gap(time + 2, a.pm);
        counts.gap(time + 3, pr);
        const std::uint64_t sum = std::uint64_t{a.v1} + d.imm;
        address = static_cast<std::uint32_t>(sum);
        carry = static_cast<std::uint32_t>(sum >> 32);
    }
};

struct MemoryWordRows : NoInverses {
    static constexpr std::size_t kWidth = 12;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Access a(record);
        const bool store = d.operation == kSw;
        const Accesses x(a, d, store, counts);
        table.put(row, columns::MemoryWord{
            .clk = a.clk, .pc = a.pc, .load = !store, .store = store, .rs1 = d.rs1, .rs2 = d.rs2, .rd = d.rd, .imm = d.imm,
            .carry = x.carry, .v1 = a.v1, .mem_old = a.mem_old, .reg_old = x.reg_old, .value = a.mem_new, .p1 = a.p1,
            .pm = a.pm, .pr = x.pr});
    }
};

struct MemorySubRows : NoInverses {
    static constexpr std::size_t kWidth = 12;

    template <class Counts>
    HM_PORTABLE static void fill(const std::uint32_t* record, std::size_t row, const Decoded& d, const Compressions&,
                                 Counts& counts, const Table& table) {
        const Access a(record);
        const bool byte = d.operation & 1;
        const bool is_signed = d.operation & 2;
        const bool store = d.operation & 4;
        const Accesses x(a, d, store, counts);
        const std::uint32_t o0 = x.address & 1;
        const std::uint32_t o1 = x.address >> 1 & 1;
        const std::uint32_t half = a.mem_old >> 16 * o1 & 0xffff;
        const std::uint32_t half_new = a.mem_new >> 16 * o1 & 0xffff;
        const std::uint32_t y = a.mem_old >> (16 - 16 * o1) & 0xffff;
        const std::uint32_t loaded = byte ? half >> 8 * o0 & 255 : half;
        const std::uint32_t sign = is_signed ? loaded >> (byte ? 7 : 15) : 0;
        const std::uint32_t extension = byte ? 0xffffff00 : 0xffff0000;
        const std::uint32_t reg_new = store ? a.v2 : loaded | (sign ? extension : 0);
        const std::uint32_t top = byte ? loaded : loaded >> 8;
        const std::uint32_t rest = store ? a.v2 >> 16 : is_signed ? top & 127 : 0;
        const std::uint32_t c0 = store ? a.v2 & 255 : 0;
        const std::uint32_t c1 = store ? a.v2 >> 8 & 255 : 0;
        counts.pair(half & 255, half >> 8);
        counts.check(16, y);
        if (store) {
            counts.pair(c0, c1);
            counts.check(16, rest);
        }
        if (is_signed) counts.check(7, rest);
        table.put(row, columns::MemorySub{
            .clk = a.clk, .pc = a.pc, .load = !store, .store = store, .byte = byte, .signed_ = is_signed, .rs1 = d.rs1,
            .rs2 = d.rs2, .rd = d.rd, .imm = d.imm, .carry = x.carry, .v1 = a.v1, .o0 = o0, .o1 = o1,
            .mem_old = a.mem_old, .mem_new = a.mem_new, .reg_old = x.reg_old, .reg_new = reg_new, .p1 = a.p1, .pm = a.pm,
            .pr = x.pr, .x0 = half & 255, .x1 = half >> 8, .y = y, .c0 = c0, .c1 = c1, .rest = rest, .sign = sign,
            .change = field_difference(half_new, half)});
    }
};

}  // namespace hm::expand
