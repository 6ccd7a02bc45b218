// The RV32IM machine: sparse memory, predecoded code, and what a run ends with.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <unordered_map>

#include "calls.hpp"

namespace hm {

// Zero-filled address space whose pages cost nothing until they are written.
template <class T>
class Sparse {
public:
    // dense: filled from the front, so that huge pages save page faults and waste little.
    explicit Sparse(std::size_t count, bool dense = false) : bytes_(count * sizeof(T)) {
        if (bytes_ == 0) bytes_ = 1;
        void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        madvise(memory, bytes_, dense ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
        data_ = static_cast<T*>(memory);
    }
    ~Sparse() { munmap(data_, bytes_); }
    Sparse(const Sparse&) = delete;
    Sparse& operator=(const Sparse&) = delete;

    // Gives the pages back; everything is zero again.
    void release() { madvise(data_, bytes_, MADV_DONTNEED); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }

private:
    T* data_;
    std::size_t bytes_;
};

inline constexpr std::size_t kAddressSpace = std::size_t{1} << 32;
inline constexpr unsigned kPageBits = 12;
inline constexpr std::size_t kBlocks = kAddressSpace >> 6;
inline constexpr std::uint32_t kHaltWord = 0x0000006f;

// Handlers of the interpreter. kGap is 0: code that was never loaded.
#define HM_HANDLERS(X)                                                                                              \
    X(Gap) X(Illegal) X(Environment) X(Halt) X(Observed)                                                            \
    X(Add) X(Addi) X(Sub) X(Constant) X(Advice)                                                                     \
    X(Jal) X(JalTrap) X(Jalr) X(Beq) X(Bne) X(Blt) X(Bge) X(Bltu) X(Bgeu) X(BranchTrap)                             \
    X(Slt) X(Slti) X(Sltu) X(Sltiu)                                                                                 \
    X(And) X(Andi) X(Or) X(Ori) X(Xor) X(Xori)                                                                      \
    X(Sll) X(Slli) X(Srl) X(Srli) X(Sra) X(Srai)                                                                    \
    X(Mul) X(Mulh) X(Mulhu) X(Mulhsu) X(Div) X(Divu) X(Rem) X(Remu)                                                 \
    X(Lw) X(Sw) X(Lb) X(Lbu) X(Lh) X(Lhu) X(Sb) X(Sh) X(Poseidon2) X(Request) X(Keccak)

enum Handler : std::uint8_t {
#define HM_ENUM(name) k##name,
    HM_HANDLERS(HM_ENUM)
#undef HM_ENUM
    kHandlerCount
};

// A predecoded instruction. rs1 and rs2 are x0 where the format has none; rd is kSink where nothing is written.
// immediate: the constant (LUI, AUIPC: the result), or the distance in instructions of a jump.
struct Op {
    std::uint8_t handler;
    std::uint8_t rd;
    std::uint8_t rs1;
    std::uint8_t rs2;
    std::int32_t immediate;
};
static_assert(sizeof(Op) == 8);

// The op behind the last one is a gap; words are read in whole blocks.
inline constexpr std::size_t kCodePadding = 16;

// Immutable code between two addresses, with gaps.
struct Code {
    // base: first address, a multiple of 64; count: instructions, gaps included.
    Code(std::uint32_t base_address, std::size_t instruction_count)
        : base(base_address), count(instruction_count), ops(instruction_count + kCodePadding), words(instruction_count + kCodePadding) {}

    // Stores words; decode() must follow when all are stored, because a jump looks at its target.
    void set(std::uint32_t address, const std::uint32_t* source, std::size_t n) {
        const std::size_t first = (address - base) >> 2;
        for (std::size_t i = first; i < first + n; ++i) {
            words[i] = source[i - first];
            ops[i].handler = kIllegal;
        }
    }
    // Predecodes n stored words.
    void decode(std::uint32_t address, std::size_t n);
    // Lets modes that observe know when the decoded instruction at `address` is reached; false when there is none.
    bool observe(std::uint32_t address) {
        if (address % 4 != 0 || !contains(address)) return false;
        const std::size_t i = (address - base) >> 2;
        if (ops[i].handler != kObserved) observed[i] = ops[i].handler;
        ops[i].handler = kObserved;
        return true;
    }
    std::uint32_t pc(const Op* op) const {
        return base + static_cast<std::uint32_t>(4 * (op - ops.data()));
    }
    bool contains(std::uint32_t address) const {
        const std::size_t i = (address - base) >> 2;
        return i < count && ops[i].handler != 0;
    }

    std::uint32_t base;
    std::size_t count;
    Sparse<Op> ops;
    Sparse<std::uint32_t> words;
    // The handlers of the instructions that are observed.
    std::unordered_map<std::size_t, std::uint8_t> observed;
};

// Why a run stopped; the values are known to traps.py.
enum Stop : std::uint32_t {
    kStopHalted = 0,
    kStopCut = 1,
    kStopCycleLimit = 2,
    kStopIllegal = 3,
    kStopMisalignedAccess = 4,
    kStopMisalignedTarget = 5,
    kStopAdvice = 6,
    kStopOutOfCode = 7,
    kStopNonCanonical = 8,
    kStopMemoryLimit = 9,
    kStopEnvironment = 10,
    kStopCapacity = 11,
    kStopMissingBlock = 12,
    kStopGuard = 13,
};

// What a store to a page of 4 KiB means. Nearly all stores go to open pages, which is all that they look at.
enum Page : std::uint8_t {
    kPageFresh,  // zero, and not counted yet
    kPageOpen,
    kPageCode,   // holds code: the store is counted, since it does not change what is fetched
    kPageGuard,  // no access at all
};

// Byte-addressed memory, little-endian like the host.
struct Memory {
    explicit Memory(const Code& code_) : bytes(kAddressSpace), pages(kAddressSpace >> kPageBits), code(code_) {}

    // Whether a store to `address` may be made; counts its page as written.
    bool claim(std::uint32_t address) {
        return __builtin_expect(pages[address >> kPageBits] == kPageOpen, 1) || claim_slowly(address);
    }
    bool claim_slowly(std::uint32_t address);
    bool guarded(std::uint32_t address) const { return pages[address >> kPageBits] == kPageGuard; }
    // Why claim() refused.
    Stop refusal(std::uint32_t address) const { return guarded(address) ? kStopGuard : kStopMemoryLimit; }
    // Marks whole pages; `size` is not zero.
    void set_guard(std::uint32_t address, std::uint32_t size);
    void mark_code(std::uint32_t address, std::size_t size);

    template <class T>
    T load(std::uint32_t address) const {
        T value;
        std::memcpy(&value, bytes.data() + address, sizeof(T));
        return value;
    }
    template <class T>
    void store(std::uint32_t address, T value) {
        std::memcpy(bytes.data() + address, &value, sizeof(T));
    }

    Sparse<std::uint8_t> bytes;
    Sparse<std::uint8_t> pages;
    const Code& code;
    std::uint64_t written = 0;
    std::uint64_t page_limit = kAddressSpace >> kPageBits;
    // Of the guard.
    std::uint32_t guard_begin = 0;
    std::uint32_t guard_size = 0;
    // Stores to code, and where the first went.
    std::uint64_t code_stores = 0;
    std::uint32_t first_code_store = 0;
};

// How a run ended. address: of the access or the jump target. cycles: executed before the instruction at pc.
struct Outcome {
    std::uint32_t stop;
    std::uint32_t pc;
    std::uint32_t word;
    std::uint32_t address;
    std::uint64_t cycles;
};

// Called before an observed instruction is executed; cycles: executed so far in this call of the interpreter.
using Observer = void (*)(std::uint32_t pc, std::uint64_t cycles);

// Registers and advice of a machine that is run.
struct Machine {
    std::uint32_t x[kSink + 1] = {};
    std::uint32_t pc = 0;
    const std::uint32_t* advice = nullptr;
    std::size_t advice_words = 0;
    std::size_t advice_position = 0;
    // By type, requests that plain runs have made.
    std::uint64_t requests[kRequestTypes] = {};
};

// A program that is loaded and can be run.
struct LoadedMachine {
    LoadedMachine(std::uint32_t code_base, std::size_t code_count) : code(code_base, code_count), memory(code) {}

    Code code;
    Memory memory;
    Machine machine;
    Observer observer = nullptr;
};

// Poseidon2 on the buffer of 32 words at `words`: false when a pair of words is not below p.
bool poseidon2_call(std::uint32_t* words);

// One request from its input words to its output words.
void arith256(const std::uint32_t* inputs, std::uint32_t* outputs);
void sha256(const std::uint32_t* inputs, std::uint32_t* outputs);
void blake2s(const std::uint32_t* inputs, std::uint32_t* outputs);
void keccak_f(const std::uint32_t* inputs, std::uint32_t* outputs);

// What the machine does for a type with two buffers; nothing for Keccak-f.
struct Request {
    std::size_t inputs = 0;
    void (*answer)(const std::uint32_t*, std::uint32_t*) = nullptr;

    // Bytes that are read at the address in x11.
    std::uint32_t others() const { return static_cast<std::uint32_t>(4 * (inputs - kCallOutputs)); }
    // Whether these reach into a second block.
    bool second() const { return others() > 64; }
};
inline constexpr Request kRequests[kRequestTypes] = {
    {request_inputs(0), arith256}, {}, {request_inputs(2), sha256}, {request_inputs(3), blake2s}};

}  // namespace hm
