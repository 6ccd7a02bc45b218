// Rows of the decode table: one for each distinct pc.
#pragma once

#include "calls.hpp"
#include "expand/row.hpp"

namespace hm::expand {
namespace encoding {

inline constexpr std::uint32_t kHaltWord = 0x6f;
inline constexpr std::uint32_t kAdviceCsr = 0x7c0;
inline constexpr std::uint32_t kPoseidon2Csr = 0x7d0;
// That of requests of type 0; the other types' follow.
inline constexpr std::uint32_t kRequestCsr = 0x7d1;

struct Fields {
    std::uint32_t opcode, b7, b8, funct3, rs1, b20, b21, b25, b31;

    HM_PORTABLE explicit Fields(std::uint32_t word)
        : opcode(word & 127), b7(word >> 7 & 1), b8(word >> 8 & 15), funct3(word >> 12 & 7), rs1(word >> 15 & 31),
          b20(word >> 20 & 1), b21(word >> 21 & 15), b25(word >> 25 & 63), b31(word >> 31) {}
    HM_PORTABLE std::uint32_t rd() const { return b7 + 2 * b8; }
    HM_PORTABLE std::uint32_t rs2() const { return b20 + 2 * b21; }
    HM_PORTABLE std::uint32_t funct7() const { return b25 + 64 * b31; }
};

HM_PORTABLE inline bool uses_funct7(std::uint32_t format) { return format == kRegister || format == kShift; }

HM_PORTABLE inline bool fits(std::uint32_t format, std::uint32_t operation, std::uint32_t word, const Fields& fields) {
    switch (format) {
        case kJump: return word != kHaltWord;
        case kHaltFormat: return word == kHaltWord;
        case kAdviceFormat: return word >> 20 == kAdviceCsr && fields.rs1 == 0;
        case kPoseidon2Format: return word >> 20 == kPoseidon2Csr && fields.rd() == 0;
        case kRequestFormat:
            return word >> 20 == kRequestCsr + operation - kFirstRequest && fields.rd() == 0 && fields.rs1 == 0;
        default: return true;
    }
}

HM_PORTABLE inline bool has_rd(std::uint32_t format) {
    return format == kRegister || format == kImmediate || format == kShift || format == kUpper || format == kUpperPc ||
           format == kJump || format == kJumpRegister || format == kAdviceFormat || format == kFence;
}
HM_PORTABLE inline bool has_rs1(std::uint32_t format) {
    return format == kRegister || format == kImmediate || format == kShift || format == kStore || format == kBranch ||
           format == kJumpRegister || format == kPoseidon2Format;
}
HM_PORTABLE inline bool has_rs2(std::uint32_t format) { return format == kRegister || format == kStore || format == kBranch; }

// The second operand before reduction mod 2^32.
HM_PORTABLE inline std::uint64_t immediate(std::uint32_t format, std::uint32_t pc, std::uint32_t word, const Fields& fields) {
    const auto sign_extended = [](std::uint32_t value) { return static_cast<std::uint64_t>(value); };
    switch (format) {
        case kImmediate:
        case kJumpRegister: return sign_extended(static_cast<std::uint32_t>(static_cast<std::int32_t>(word) >> 20));
        case kShift: return fields.rs2();
        case kStore:
            return sign_extended(static_cast<std::uint32_t>(static_cast<std::int32_t>(word) >> 25) << 5 | fields.rd());
        case kUpper: return word & 0xfffff000;
        case kUpperPc: return std::uint64_t{pc} + (word & 0xfffff000);
        case kJump: return std::uint64_t{pc} + 4;
        default: return 0;
    }
}

// The target before reduction mod 2^32.
HM_PORTABLE inline std::uint64_t target(std::uint32_t format, std::uint32_t pc, const Fields& fields) {
    const std::uint32_t sign = -fields.b31;
    switch (format) {
        case kBranch: return std::uint64_t{pc} + ((sign << 12) | fields.b7 << 11 | fields.b25 << 5 | fields.b8 << 1);
        case kJump:
            return std::uint64_t{pc} + ((sign << 20) | fields.rs1 << 15 | fields.funct3 << 12 | fields.b20 << 11 |
                                        fields.b25 << 5 | fields.b21 << 1);
        case kJumpRegister: return std::uint64_t{pc} + 4;
        default: return 0;
    }
}

}  // namespace encoding

// Decodes a word; false when it is no instruction. constants: the constant table, 5 columns.
HM_PORTABLE inline bool decode(std::uint32_t pc, std::uint32_t word, const std::uint64_t* constants, Decoded& out) {
    const encoding::Fields fields(word);
    for (std::uint32_t row = 0; row < kConstantRows; ++row) {
        const auto cell = [&](std::size_t column) {
            return static_cast<std::uint32_t>(constants[column * kConstantRows + row]);
        };
        const std::uint32_t format = cell(0);
        if (format < kRegister || cell(1) != fields.opcode || cell(2) != fields.funct3) continue;
        if (cell(3) != (encoding::uses_funct7(format) ? fields.funct7() : 0)) continue;
        if (!encoding::fits(format, cell(4), word, fields)) continue;
        const std::uint64_t imm = encoding::immediate(format, pc, word, fields);
        const std::uint64_t to = encoding::target(format, pc, fields);
        const std::uint32_t written = fields.rd() == 0 || format == kFence ? kSink : fields.rd();
        const std::uint32_t rd = encoding::has_rd(format) ? written : 0;
        const std::uint32_t rs1 = encoding::has_rs1(format) ? fields.rs1 : 0;
        const std::uint32_t rs2 = encoding::has_rs2(format) ? fields.rs2() : 0;
        out = {pc, word, format, row, cell(4), rd, rs1, rs2, static_cast<std::uint32_t>(imm),
               static_cast<std::uint32_t>(to), (imm >> 32) != 0, (to >> 32) != 0};
        return true;
    }
    return false;
}

// count: how often the instruction is fetched.
template <class Counts>
HM_PORTABLE void fill_decode(const Decoded& d, std::uint32_t count, std::size_t row, Counts& counts, const Table& table) {
    const encoding::Fields f(d.word);
    const std::uint64_t less_halt = field_difference(d.word, encoding::kHaltWord);
    table.put(row, columns::Decode{
        .pc = d.pc, .count = count, .opcode = f.opcode, .b7 = f.b7, .b8 = f.b8, .funct3 = f.funct3,
        .rs1_field = f.rs1, .b20 = f.b20, .b21 = f.b21, .b25 = f.b25, .b31 = f.b31, .operation = d.operation,
        .funct7 = encoding::uses_funct7(d.format) ? f.funct7() : 0, .rd = d.rd, .rs1 = d.rs1, .rs2 = d.rs2, .imm = d.imm,
        .target = d.target, .imm_high = d.imm >> 16, .target_high = d.target >> 16, .imm_carry = d.imm_carry,
        .target_carry = d.target_carry, .writes = f.rd() != 0, .rd_inverse = Fp(f.rd()).inverse().value,
        .halt_inverse = d.format == kJump ? Fp(less_halt).inverse().value : 0});
    table.at(HM_COLUMN(Decode, is_register) + d.format - kRegister, row) = 1;
    counts.check(4, f.b8);
    counts.check(5, f.rs1);
    counts.check(4, f.b21);
    counts.check(6, f.b25);
    counts.check32(d.imm);
    counts.check32(d.target);
    counts.constant(d.constant_row);
}

}  // namespace hm::expand
