// Instruction words -> predecoded operations.
#include "executor.hpp"
#include "hash/poseidon2.hpp"

namespace hm {

namespace {

constexpr std::uint32_t kCsrAdvice = 0x7c0;
constexpr std::uint32_t kCsrPoseidon2 = 0x7d0;
// That of requests of type 0; the other types' follow.
constexpr std::uint32_t kCsrRequest = 0x7d1;

std::int32_t signed_bits(std::uint32_t value, unsigned bits) {
    const unsigned unused = 32 - bits;
    return static_cast<std::int32_t>(value << unused) >> unused;
}

std::int32_t branch_offset(std::uint32_t w) {
    const std::uint32_t raw = ((w >> 31) << 12) | (((w >> 7) & 1) << 11) | (((w >> 25) & 0x3f) << 5) |
                              (((w >> 8) & 0xf) << 1);
    return signed_bits(raw, 13);
}

std::int32_t jump_offset(std::uint32_t w) {
    const std::uint32_t raw = ((w >> 31) << 20) | (((w >> 12) & 0xff) << 12) | (((w >> 20) & 1) << 11) |
                              (((w >> 21) & 0x3ff) << 1);
    return signed_bits(raw, 21);
}

constexpr Op kIllegalOp{kIllegal, kSink, 0, 0, 0};

Op decode_register_form(std::uint32_t w, Op op) {
    constexpr Handler base[8] = {kAdd, kSll, kSlt, kSltu, kXor, kSrl, kOr, kAnd};
    constexpr Handler multiply[8] = {kMul, kMulh, kMulhsu, kMulhu, kDiv, kDivu, kRem, kRemu};
    const unsigned funct3 = (w >> 12) & 7;
    const unsigned funct7 = w >> 25;
    if (funct7 == 0) {
        op.handler = base[funct3];
    } else if (funct7 == 1) {
        op.handler = multiply[funct3];
    } else if (funct7 == 0x20 && funct3 == 0) {
        op.handler = kSub;
    } else if (funct7 == 0x20 && funct3 == 5) {
        op.handler = kSra;
    } else {
        return kIllegalOp;
    }
    return op;
}

Op decode_immediate_form(std::uint32_t w, Op op) {
    constexpr Handler base[8] = {kAddi, kSlli, kSlti, kSltiu, kXori, kSrli, kOri, kAndi};
    const unsigned funct3 = (w >> 12) & 7;
    const unsigned funct7 = w >> 25;
    op.handler = base[funct3];
    op.immediate = static_cast<std::int32_t>(w) >> 20;
    op.rs2 = 0;
    if (funct3 == 1 || funct3 == 5) {
        op.immediate &= 31;
        if (funct3 == 5 && funct7 == 0x20) {
            op.handler = kSrai;
        } else if (funct7 != 0) {
            return kIllegalOp;
        }
    }
    return op;
}

Op decode_system(std::uint32_t w, Op op) {
    const unsigned csr = w >> 20;
    const unsigned rd = (w >> 7) & 31;
    const unsigned rs1 = (w >> 15) & 31;
    if (w == 0x00000073 || w == 0x00100073) {
        op.handler = kEnvironment;
        return op;
    }
    if (((w >> 12) & 7) != 1) return kIllegalOp;
    op.rs2 = 0;
    if (csr == kCsrAdvice && rs1 == 0) {
        op.handler = kAdvice;
        return op;
    }
    if (csr == kCsrPoseidon2 && rd == 0) {
        op.handler = kPoseidon2;
        return op;
    }
    const std::uint32_t type = csr - kCsrRequest;
    if (type < kRequestTypes && rd == 0 && rs1 == 0) {
        op.handler = type == kKeccakType ? kKeccak : kRequest;
        op.immediate = static_cast<std::int32_t>(type);
        return op;
    }
    return kIllegalOp;
}

}  // namespace

void Code::decode(std::uint32_t first_address, std::size_t n) {
    const std::size_t first = (first_address - base) >> 2;
    for (std::size_t i = first; i < first + n; ++i) {
        const std::uint32_t w = words[i];
        const std::uint32_t address = base + static_cast<std::uint32_t>(4 * i);
        const unsigned rd = (w >> 7) & 31;
        const unsigned funct3 = (w >> 12) & 7;
        Op op{kIllegal, static_cast<std::uint8_t>(rd == 0 ? kSink : rd), static_cast<std::uint8_t>((w >> 15) & 31),
              static_cast<std::uint8_t>((w >> 20) & 31), 0};
        // A jump whose target is no loaded, aligned instruction keeps its distance in bytes, for the trap's report.
        const auto jump = [&](Handler handler, Handler trap, std::int32_t offset) {
            const std::uint32_t target = address + static_cast<std::uint32_t>(offset);
            const bool reachable = target % 4 == 0 && contains(target);
            op.handler = reachable ? handler : trap;
            op.immediate = reachable ? static_cast<std::int32_t>((target - base) >> 2) - static_cast<std::int32_t>(i)
                                     : offset;
        };
        switch (w & 0x7f) {
            case 0x37:
            case 0x17:
                op.handler = kConstant;
                op.rs1 = op.rs2 = 0;
                op.immediate = static_cast<std::int32_t>((w & 0xfffff000u) + ((w & 0x20) ? 0 : address));
                break;
            case 0x6f:
                if (w == kHaltWord) {
                    op = {kHalt, kSink, 0, 0, 0};
                } else {
                    op.rs1 = op.rs2 = 0;
                    jump(kJal, kJalTrap, jump_offset(w));
                }
                break;
            case 0x67:
                op.handler = funct3 == 0 ? kJalr : kIllegal;
                op.rs2 = 0;
                op.immediate = static_cast<std::int32_t>(w) >> 20;
                break;
            case 0x63: {
                constexpr Handler branches[8] = {kBeq, kBne, kIllegal, kIllegal, kBlt, kBge, kBltu, kBgeu};
                op.rd = kSink;
                if (branches[funct3] != kIllegal) jump(branches[funct3], kBranchTrap, branch_offset(w));
                break;
            }
            case 0x03: {
                constexpr Handler loads[8] = {kLb, kLh, kLw, kIllegal, kLbu, kLhu, kIllegal, kIllegal};
                op.handler = loads[funct3];
                op.rs2 = 0;
                op.immediate = static_cast<std::int32_t>(w) >> 20;
                break;
            }
            case 0x23: {
                constexpr Handler stores[8] = {kSb, kSh, kSw, kIllegal, kIllegal, kIllegal, kIllegal, kIllegal};
                op.handler = stores[funct3];
                op.rd = kSink;
                op.immediate = signed_bits(((w >> 25) << 5) | ((w >> 7) & 31), 12);
                break;
            }
            case 0x13:
                op = decode_immediate_form(w, op);
                break;
            case 0x33:
                op = decode_register_form(w, op);
                break;
            case 0x0f:
                op = funct3 == 0 ? Op{kConstant, kSink, 0, 0, 0} : kIllegalOp;
                break;
            case 0x73:
                op = decode_system(w, op);
                break;
            default:
                break;
        }
        ops[i] = op.handler == kIllegal ? kIllegalOp : op;
    }
}

bool poseidon2_call(std::uint32_t* words) {
    std::uint64_t in[16];
    std::uint64_t out[4];
    std::memcpy(in, words, sizeof in);
    for (const std::uint64_t element : in) {
        if (element >= kPrime) return false;
    }
    compress16(in, out);
    std::memcpy(words, out, sizeof out);
    return true;
}

}  // namespace hm
