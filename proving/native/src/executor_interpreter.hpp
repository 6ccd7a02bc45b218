// The interpreter, written once and instantiated for plain execution, witness generation and replay.
//
// A `Mode` supplies what differs:
//   kCountsEveryCycle  false: cycles are counted at taken jumps only, against `budget`.
//   begin(op, family)  true to go on with this instruction; false to stop before it.
//   access(address, write)  true when the memory access may be made; false to stop before the instruction.
//   abandon()  the instruction that was begun traps.
//   observe(pc, cycles)  an observed instruction is reached; modes without it pass over.
//   cycle, branch, load, before_store, store, before_call, before_request  what to note about the executed instruction.
#pragma once

#include <bit>

#include "executor.hpp"

namespace hm {

enum Family : unsigned {
    kFamilyAddImmediate, kFamilyAdd, kFamilyControl, kFamilyBitwise, kFamilyShift, kFamilyMul, kFamilyDiv,
    kFamilyMemoryWord, kFamilyMemorySub, kFamilyPoseidon2, kFamilyRequest, kFamilyKeccak, kFamilies
};

inline std::uint32_t divide(std::uint32_t a, std::uint32_t b) {
    if (b == 0) return 0xffffffffu;
    if (a == 0x80000000u && b == 0xffffffffu) return a;
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(a) / static_cast<std::int32_t>(b));
}

inline std::uint32_t remainder(std::uint32_t a, std::uint32_t b) {
    if (b == 0) return a;
    if (a == 0x80000000u && b == 0xffffffffu) return 0;
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(a) % static_cast<std::int32_t>(b));
}

inline bool branch_taken(std::uint32_t funct3, std::uint32_t a, std::uint32_t b) {
    const bool less = (funct3 & 2) ? a < b : static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b);
    return ((funct3 & 4) ? less : a == b) != ((funct3 & 1) != 0);
}

template <class T>
T load_from(const std::uint8_t* bytes, std::uint32_t address) {
    T value;
    std::memcpy(&value, bytes + address, sizeof(T));
    return value;
}

// Runs from machine.pc until something stops it. `budget` is the number of cycles allowed (plain execution only).
template <class Mode>
Outcome interpret(Mode& mode, Machine& machine, const Code& code, Memory& memory, std::int64_t budget) {
    static const void* const labels[kHandlerCount] = {
#define HM_LABEL(name) &&do_##name,
        HM_HANDLERS(HM_LABEL)
#undef HM_LABEL
    };
    const std::int64_t whole_budget = budget;
    const Op* const ops = code.ops.data();
    // Kept here, because the compiler thinks that a store of bytes may change a member.
    const std::uint8_t* const bytes = memory.bytes.data();
    std::uint32_t* const x = machine.x;
    const Op* op = ops + ((machine.pc - code.base) >> 2);
    const Op* entry = op;
    std::uint32_t address = 0;
    Stop stop = kStopCut;
    // Plain loads compare once: the distance of an address from the guard's end, modulo 2^32, is at most
    // 2^32 - 1 - size outside of it, and a misaligned one, rotated by the bits of the access's size, is larger still.
    const std::uint32_t guard_end = memory.guard_begin + memory.guard_size;
    const std::uint32_t last_outside[3] = {~memory.guard_size, ~memory.guard_size >> 1, ~memory.guard_size >> 2};
    (void)guard_end, (void)last_outside;

    if (machine.pc % 4 != 0 || !code.contains(machine.pc)) {
        return {kStopOutOfCode, machine.pc, 0, machine.pc, 0};
    }

#define DISPATCH() goto* labels[op->handler]
#define NEXT() \
    do {       \
        ++op;  \
        DISPATCH(); \
    } while (0)
#define BEGIN(family)                                                     \
    if constexpr (Mode::kCountsEveryCycle) {                              \
        if (__builtin_expect(!mode.begin(op, family), 0)) goto stopped;   \
    }
#define TRAP(reason)   \
    do {               \
        stop = reason; \
        goto ended;    \
    } while (0)
// A trap of an instruction that begin() has counted.
#define TRAP_COUNTED(reason) \
    do {                     \
        mode.abandon();      \
        TRAP(reason);        \
    } while (0)
#define ENTER(target)                                             \
    do {                                                          \
        if constexpr (!Mode::kCountsEveryCycle) {                 \
            budget -= (op - entry) + 1;                           \
            entry = (target);                                     \
        }                                                         \
        op = (target);                                            \
        if constexpr (!Mode::kCountsEveryCycle) {                 \
            if (__builtin_expect(budget < 0, 0)) goto out_of_budget; \
        }                                                         \
        DISPATCH();                                               \
    } while (0)
// The operands are read first: rd may be one of them.
#define ALU(name, family, expression)                        \
    do_##name : {                                            \
        BEGIN(family)                                        \
        const std::uint32_t a = x[op->rs1];                  \
        const std::uint32_t b = x[op->rs2];                  \
        const auto immediate = static_cast<std::uint32_t>(op->immediate); \
        (void)a, (void)b, (void)immediate;                   \
        const std::uint32_t result = (expression);           \
        mode.cycle(op, family, a, b, result);                \
        x[op->rd] = result;                                  \
        NEXT();                                              \
    }
#define SIGNED(value) static_cast<std::int32_t>(value)
#define BRANCH(name, family, condition)                          \
    do_##name : {                                                \
        BEGIN(family)                                            \
        const std::uint32_t a = x[op->rs1];                      \
        const std::uint32_t b = x[op->rs2];                      \
        mode.branch(op, family, a, b);                           \
        if (condition) ENTER(op + op->immediate);                \
        NEXT();                                                  \
    }
#define MEMORY_ACCESS(family, size, write)                                                   \
    BEGIN(family)                                                                            \
    const std::uint32_t a = x[op->rs1];                                                      \
    address = a + static_cast<std::uint32_t>(op->immediate);                                 \
    if constexpr (write || Mode::kCountsEveryCycle) {                                        \
        if (size > 1 && __builtin_expect((address & (size - 1)) != 0, 0)) TRAP_COUNTED(kStopMisalignedAccess); \
        if (__builtin_expect(!mode.access(memory, op, family, address, write), 0)) goto stopped; \
    } else if (const unsigned shift = std::countr_zero(size);                                \
               __builtin_expect(std::rotr(address - guard_end, shift) > last_outside[shift], 0)) { \
        TRAP_COUNTED((address & (size - 1)) != 0 ? kStopMisalignedAccess : kStopGuard);      \
    }
#define LOAD(name, family, type, wide)                                                   \
    do_##name : {                                                                        \
        MEMORY_ACCESS(family, sizeof(type), false)                                       \
        const auto result = static_cast<std::uint32_t>(static_cast<wide>(load_from<type>(bytes, address))); \
        mode.load(memory, op, family, a, address, result);                               \
        x[op->rd] = result;                                                              \
        NEXT();                                                                          \
    }
#define STORE(name, family, type)                                   \
    do_##name : {                                                   \
        MEMORY_ACCESS(family, sizeof(type), true)                   \
        const std::uint32_t b = x[op->rs2];                         \
        mode.before_store(memory, address);                         \
        memory.store<type>(address, static_cast<type>(b));          \
        mode.store(memory, op, family, a, b, address);              \
        NEXT();                                                     \
    }

    DISPATCH();

    ALU(Add, kFamilyAdd, a + b)
    ALU(Addi, kFamilyAddImmediate, a + immediate)
    ALU(Sub, kFamilyAdd, a - b)
    ALU(Constant, kFamilyAddImmediate, immediate)
    ALU(Slt, kFamilyControl, SIGNED(a) < SIGNED(b) ? 1 : 0)
    ALU(Slti, kFamilyControl, SIGNED(a) < SIGNED(immediate) ? 1 : 0)
    ALU(Sltu, kFamilyAdd, a < b ? 1 : 0)
    ALU(Sltiu, kFamilyControl, a < immediate ? 1 : 0)
    ALU(And, kFamilyBitwise, a & b)
    ALU(Andi, kFamilyBitwise, a & immediate)
    ALU(Or, kFamilyBitwise, a | b)
    ALU(Ori, kFamilyBitwise, a | immediate)
    ALU(Xor, kFamilyBitwise, a ^ b)
    ALU(Xori, kFamilyBitwise, a ^ immediate)
    ALU(Sll, kFamilyShift, a << (b & 31))
    ALU(Slli, kFamilyShift, a << (immediate & 31))
    ALU(Srl, kFamilyShift, a >> (b & 31))
    ALU(Srli, kFamilyShift, a >> (immediate & 31))
    ALU(Sra, kFamilyShift, static_cast<std::uint32_t>(SIGNED(a) >> (b & 31)))
    ALU(Srai, kFamilyShift, static_cast<std::uint32_t>(SIGNED(a) >> (immediate & 31)))
    ALU(Mul, kFamilyMul, a * b)
    ALU(Mulh, kFamilyMul,
        static_cast<std::uint32_t>((static_cast<std::int64_t>(SIGNED(a)) * SIGNED(b)) >> 32))
    ALU(Mulhu, kFamilyMul, static_cast<std::uint32_t>((static_cast<std::uint64_t>(a) * b) >> 32))
    ALU(Mulhsu, kFamilyMul,
        static_cast<std::uint32_t>((static_cast<std::int64_t>(SIGNED(a)) * static_cast<std::int64_t>(b)) >> 32))
    ALU(Div, kFamilyDiv, divide(a, b))
    ALU(Divu, kFamilyDiv, b == 0 ? 0xffffffffu : a / b)
    ALU(Rem, kFamilyDiv, remainder(a, b))
    ALU(Remu, kFamilyDiv, b == 0 ? a : a % b)

    BRANCH(Beq, kFamilyAdd, a == b)
    BRANCH(Bne, kFamilyAdd, a != b)
    BRANCH(Blt, kFamilyControl, SIGNED(a) < SIGNED(b))
    BRANCH(Bge, kFamilyControl, SIGNED(a) >= SIGNED(b))
    BRANCH(Bltu, kFamilyAdd, a < b)
    BRANCH(Bgeu, kFamilyAdd, a >= b)

    LOAD(Lw, kFamilyMemoryWord, std::uint32_t, std::uint32_t)
    LOAD(Lb, kFamilyMemorySub, std::int8_t, std::int32_t)
    LOAD(Lbu, kFamilyMemorySub, std::uint8_t, std::uint32_t)
    LOAD(Lh, kFamilyMemorySub, std::int16_t, std::int32_t)
    LOAD(Lhu, kFamilyMemorySub, std::uint16_t, std::uint32_t)
    STORE(Sw, kFamilyMemoryWord, std::uint32_t)
    STORE(Sb, kFamilyMemorySub, std::uint8_t)
    STORE(Sh, kFamilyMemorySub, std::uint16_t)

do_Advice : {
    BEGIN(kFamilyAddImmediate)
    if (machine.advice_position == machine.advice_words) TRAP_COUNTED(kStopAdvice);
    const std::uint32_t result = machine.advice[machine.advice_position++];
    mode.cycle(op, kFamilyAddImmediate, 0, 0, result);
    x[op->rd] = result;
    NEXT();
}

do_Jal : {
    BEGIN(kFamilyControl)
    const std::uint32_t link = code.pc(op) + 4;
    mode.cycle(op, kFamilyControl, 0, 0, link);
    x[op->rd] = link;
    ENTER(op + op->immediate);
}

do_Jalr : {
    BEGIN(kFamilyControl)
    const std::uint32_t a = x[op->rs1];
    address = (a + static_cast<std::uint32_t>(op->immediate)) & ~std::uint32_t{1};
    if (__builtin_expect(address & 2, 0)) TRAP_COUNTED(kStopMisalignedTarget);
    if (__builtin_expect(!code.contains(address), 0)) TRAP_COUNTED(kStopOutOfCode);
    const std::uint32_t link = code.pc(op) + 4;
    mode.cycle(op, kFamilyControl, a, 0, link);
    x[op->rd] = link;
    ENTER(ops + ((address - code.base) >> 2));
}

do_JalTrap:
    BEGIN(kFamilyControl)
    address = code.pc(op) + static_cast<std::uint32_t>(op->immediate);
    TRAP_COUNTED((address & 3) ? kStopMisalignedTarget : kStopOutOfCode);

do_BranchTrap : {
    const std::uint32_t funct3 = (code.words[static_cast<std::size_t>(op - ops)] >> 12) & 7;
    const Family family = (funct3 & 6) == 4 ? kFamilyControl : kFamilyAdd;
    BEGIN(family)
    const std::uint32_t a = x[op->rs1];
    const std::uint32_t b = x[op->rs2];
    if (branch_taken(funct3, a, b)) {
        address = code.pc(op) + static_cast<std::uint32_t>(op->immediate);
        TRAP_COUNTED((address & 3) ? kStopMisalignedTarget : kStopOutOfCode);
    }
    mode.branch(op, family, a, b);
    NEXT();
}

do_Poseidon2 : {
    BEGIN(kFamilyPoseidon2)
    const std::uint32_t a = x[op->rs1];
    address = a;
    if (__builtin_expect((address & 127) != 0, 0)) TRAP_COUNTED(kStopMisalignedAccess);
    if (__builtin_expect(!mode.access_call(memory, op, address), 0)) goto stopped;
    auto* const words = reinterpret_cast<std::uint32_t*>(memory.bytes.data() + address);
    mode.before_call(op, a, words);
    if (!poseidon2_call(words)) TRAP_COUNTED(kStopNonCanonical);
    NEXT();
}

do_Request : {
    BEGIN(kFamilyRequest)
    const Request& request = kRequests[op->immediate];
    const std::uint32_t first = x[kOperandRegister];
    const std::uint32_t others = x[kOperandRegister + 1];
    address = first;
    if (__builtin_expect((address & (kFirstAlignment - 1)) != 0, 0)) TRAP_COUNTED(kStopMisalignedAccess);
    address = others;
    if (__builtin_expect((address & (kOthersAlignment - 1)) != 0, 0)) TRAP_COUNTED(kStopMisalignedAccess);
    address = memory.guarded(others) ? others : first;
    if (__builtin_expect(!mode.access_request(memory, request, first, others), 0)) goto stopped;
    std::uint32_t inputs[kCallInputs] = {};
    std::uint32_t outputs[kCallOutputs];
    std::memcpy(inputs, bytes + first, sizeof outputs);
    std::memcpy(inputs + kCallOutputs, bytes + others, request.others());
    request.answer(inputs, outputs);
    mode.before_request(op, first, others, inputs, outputs);
    std::memcpy(memory.bytes.data() + first, outputs, sizeof outputs);
    NEXT();
}

do_Keccak : {
    BEGIN(kFamilyKeccak)
    const std::uint32_t state = x[kOperandRegister];
    address = state;
    if (__builtin_expect((address & (kKeccakAlignment - 1)) != 0, 0)) TRAP_COUNTED(kStopMisalignedAccess);
    if (__builtin_expect(!mode.access_keccak(memory, state), 0)) goto stopped;
    std::uint32_t outputs[kKeccakWords];
    auto* const words = reinterpret_cast<std::uint32_t*>(memory.bytes.data() + address);
    keccak_f(words, outputs);
    mode.before_keccak(op, state, words, outputs);
    std::memcpy(words, outputs, sizeof outputs);
    NEXT();
}

do_Observed : {
    const auto cycles = static_cast<std::uint64_t>(whole_budget - budget + (op - entry));
    if constexpr (requires { mode.observe(code.pc(op), cycles); }) mode.observe(code.pc(op), cycles);
    goto* labels[code.observed.at(static_cast<std::size_t>(op - ops))];
}

do_Halt:
    if constexpr (Mode::kCountsEveryCycle) {
        if (!mode.begin_halt(op)) goto stopped;
    }
    TRAP(kStopHalted);

do_Gap:
    address = code.pc(op);
    TRAP(kStopOutOfCode);

do_Illegal:
    TRAP(kStopIllegal);

do_Environment:
    TRAP(kStopEnvironment);

out_of_budget:
    __attribute__((unused));
    stop = kStopCycleLimit;
    goto ended;

stopped:
    stop = mode.stop;

ended:
    machine.pc = code.pc(op);
    if constexpr (!Mode::kCountsEveryCycle) {
        budget -= op - entry;
        if (stop == kStopHalted && budget < 0) stop = kStopCycleLimit;
        const auto cycles = static_cast<std::uint64_t>(whole_budget - budget);
        return {stop, machine.pc, code.words[static_cast<std::size_t>(op - ops)], address, cycles};
    }
    return {stop, machine.pc, code.words[static_cast<std::size_t>(op - ops)], address, 0};

#undef DISPATCH
#undef NEXT
#undef BEGIN
#undef TRAP
#undef TRAP_COUNTED
#undef ENTER
#undef ALU
#undef SIGNED
#undef BRANCH
#undef MEMORY_ACCESS
#undef LOAD
#undef STORE
}

}  // namespace hm
