// Replay of one checkpoint into execution records.
#include <algorithm>
#include <memory>
#include <utility>

#include "executor_interpreter.hpp"
#include "export.hpp"
#include "memory_tree.hpp"

namespace hm {

namespace {

constexpr std::size_t kCycleWidth = 9;
constexpr std::size_t kMemoryWidth = 12;
constexpr std::size_t kCallWidth = 4 + 2 * kCallInputs;
constexpr std::size_t kRequestHead = 8;
constexpr std::size_t kRequestWidth = kRequestHead + 2 * (kCallInputs + kCallOutputs);
// A call of Keccak-f: the head, and the words that it reads or writes.
constexpr std::size_t kKeccakWidth = kRequestHead + 2 * kKeccakWords;
// Of a word that lies idle: its key in two words, the word, and the timestamps from and to which it does.
constexpr std::size_t kIdleWidth = 5;
constexpr std::uint32_t kSpaceMemory = 0, kSpaceRegisters = 1, kSpaceCode = 2;

constexpr std::size_t width_of(unsigned family) {
    if (family == kFamilyRequest) return kRequestWidth;
    if (family == kFamilyKeccak) return kKeccakCalls * kKeccakWidth;
    return family == kFamilyPoseidon2 ? kCallWidth : family >= kFamilyMemoryWord ? kMemoryWidth : kCycleWidth;
}

// Rows of one table, appended in order of execution; the room is reserved for as many rows as there are cycles.
struct Rows {
    Rows(std::size_t rows, std::size_t width)
        : data(rows * width, true), end(data.data()) {}
    std::uint32_t* append(std::size_t width) {
        std::uint32_t* row = end;
        end += width;
        return row;
    }
    std::size_t bytes() const { return static_cast<std::size_t>(end - data.data()) * sizeof(std::uint32_t); }

    Sparse<std::uint32_t> data;
    std::uint32_t* end;
};

}  // namespace

struct ReplayMode {
    static constexpr bool kCountsEveryCycle = true;

    ReplayMode(const LoadedMachine& loaded, std::uint64_t cycles_, bool halts_)
        : code(loaded.code), x(loaded.machine.x), cycles(cycles_), halts(halts_), present(kBlocks),
          last(kAddressSpace / 4), starts(kAddressSpace / 4), counts(loaded.code.count + 1) {
        for (unsigned family = 0; family < kFamilies; ++family) {
            rows[family] = std::make_unique<Rows>(cycles, width_of(family));
        }
    }

    bool begin(const Op* op, Family) {
        if (__builtin_expect(clk > cycles, 0)) return false;
        ++counts[static_cast<std::size_t>(op - code.ops.data())];
        return true;
    }

    bool begin_halt(const Op* op) {
        if (!halts || clk <= cycles) return false;
        ++counts[static_cast<std::size_t>(op - code.ops.data())];
        return true;
    }

    bool access(const Memory&, const Op*, Family, std::uint32_t address, bool) {
        if (__builtin_expect(present[address >> 6] != 0, 1)) return true;
        stop = kStopMissingBlock;
        return false;
    }

    bool access_call(const Memory& memory, const Op* op, std::uint32_t address) {
        return access(memory, op, kFamilyPoseidon2, address, true) &&
               access(memory, op, kFamilyPoseidon2, address + 64, true);
    }

    bool access_request(const Memory& memory, const Request& request, std::uint32_t first, std::uint32_t others) {
        return access(memory, nullptr, kFamilyRequest, first, true) &&
               access(memory, nullptr, kFamilyRequest, others, false) &&
               (!request.second() || access(memory, nullptr, kFamilyRequest, others + 64, false));
    }

    bool access_keccak(const Memory& memory, std::uint32_t state) {
        for (std::uint32_t i = 0; i < kKeccakBlocks; ++i)
            if (!access(memory, nullptr, kFamilyKeccak, state + 64 * i, true)) return false;
        return true;
    }

    void abandon() {}

    void cycle(const Op* op, Family family, std::uint32_t a, std::uint32_t b, std::uint32_t result) {
        std::uint32_t* row = rows[family]->append(kCycleWidth);
        common(row, op, a, result);
        // An addition of a constant reads one register.
        row[3] = family == kFamilyAddImmediate ? 0 : b;
        row[7] = family == kFamilyAddImmediate ? 0 : register_access(op->rs2, b, 4 * clk + 1);
        write(row, op);
        ++clk;
    }

    void branch(const Op* op, Family family, std::uint32_t a, std::uint32_t b) {
        std::uint32_t* row = rows[family]->append(kCycleWidth);
        common(row, op, a, 0);
        row[3] = b;
        row[4] = row[8] = 0;
        row[7] = register_access(op->rs2, b, 4 * clk + 1);
        ++clk;
    }

    void load(const Memory& memory, const Op* op, Family family, std::uint32_t a, std::uint32_t address,
              std::uint32_t result) {
        std::uint32_t* row = rows[family]->append(kMemoryWidth);
        common(row, op, a, result);
        row[3] = row[7] = 0;
        row[9] = row[10] = memory.load<std::uint32_t>(address & ~3u);
        row[11] = memory_access(address >> 2, row[9], 4 * clk + 2);
        write(row, op);
        ++clk;
    }

    void before_store(const Memory& memory, std::uint32_t address) {
        old_word = memory.load<std::uint32_t>(address & ~3u);
    }

    void store(const Memory& memory, const Op* op, Family family, std::uint32_t a, std::uint32_t b,
               std::uint32_t address) {
        std::uint32_t* row = rows[family]->append(kMemoryWidth);
        common(row, op, a, 0);
        row[4] = row[8] = 0;
        row[9] = old_word;
        row[10] = memory.load<std::uint32_t>(address & ~3u);
        row[11] = memory_access(address >> 2, old_word, 4 * clk + 2);
        row[3] = b;
        row[7] = register_access(op->rs2, b, 4 * clk + 3);
        ++clk;
    }

    // Reads at steps 0 and 1, then writes the words that are read at step 0.
    void before_call(const Op* op, std::uint32_t pointer, const std::uint32_t* words) {
        std::uint32_t* row = rows[kFamilyPoseidon2]->append(kCallWidth);
        row[0] = clk;
        row[1] = code.pc(op);
        row[2] = pointer;
        row[3] = register_access(op->rs1, pointer, 4 * clk);
        for (unsigned i = 0; i < kCallInputs; ++i) {
            row[4 + 2 * i] = words[i];
            // The first words are read at step 0 and written at step 2.
            const std::uint32_t step = i < kCallOutputs ? 0 : 1;
            row[5 + 2 * i] = memory_access((pointer >> 2) + i, words[i], 4 * clk + step);
            if (i < kCallOutputs) last[(pointer >> 2) + i] = 4 * clk + 2;
        }
        ++clk;
    }

    // Reads the first words, then the others, then writes the result, so that no word is accessed twice at a time.
    void before_request(const Op* op, std::uint32_t first, std::uint32_t others, const std::uint32_t* inputs,
                        const std::uint32_t* outputs) {
        std::uint32_t* row = rows[kFamilyRequest]->append(kRequestWidth);
        row[0] = clk;
        row[1] = code.pc(op);
        row[2] = static_cast<std::uint32_t>(op->immediate);
        row[3] = first;
        row[4] = register_access(kOperandRegister, first, 4 * clk);
        row[5] = others;
        row[6] = register_access(kOperandRegister + 1, others, 4 * clk);
        row[7] = std::exchange(last_requests[op->immediate], clk);
        std::uint32_t* pair = row + kRequestHead;
        const auto put = [&](std::uint32_t word, std::size_t place, unsigned step) {
            *pair++ = word;
            *pair++ = memory_access(place, word, 4 * clk + step);
        };
        for (std::size_t i = 0; i < kCallOutputs; ++i) put(inputs[i], (first >> 2) + i, 0);
        for (std::size_t i = kCallOutputs; i < kRequests[op->immediate].inputs; ++i)
            put(inputs[i], (others >> 2) + i - kCallOutputs, 1);
        // Words that the type does not have are zeros.
        pair = std::fill_n(pair, row + kRequestHead + 2 * kCallInputs - pair, 0);
        for (std::size_t i = 0; i < kCallOutputs; ++i) put(outputs[i], (first >> 2) + i, 2);
        ++clk;
    }

    // Two records: of the call that reads the words, and of the one that writes them a step later.
    void before_keccak(const Op* op, std::uint32_t state, const std::uint32_t* inputs, const std::uint32_t* outputs) {
        const std::uint32_t* words[kKeccakCalls] = {inputs, outputs};
        const std::uint32_t before = std::exchange(last_requests[op->immediate], clk);
        for (std::uint32_t call = 0; call < kKeccakCalls; ++call) {
            std::uint32_t* row = rows[kFamilyKeccak]->append(kKeccakWidth);
            row[0] = clk;
            row[1] = code.pc(op);
            row[2] = call;
            row[3] = state;
            row[4] = call == 0 ? register_access(kOperandRegister, state, 4 * clk) : 0;
            row[5] = row[6] = 0;
            row[7] = before;
            for (std::size_t i = 0; i < kKeccakWords; ++i) {
                row[kRequestHead + 2 * i] = words[call][i];
                row[kRequestHead + 2 * i + 1] =
                    memory_access((state >> 2) + i, words[call][i], 4 * clk + read_step(i / 2) + call);
            }
        }
        ++clk;
    }

    const Code& code;
    const std::uint32_t* x;
    std::uint64_t cycles;
    bool halts;
    Stop stop = kStopCut;
    std::uint32_t clk = 1;
    std::uint32_t old_word = 0;
    // Last timestamps of registers and of memory words, and those from which they start.
    std::uint32_t registers[kSink + 1] = {};
    std::uint32_t register_starts[kSink + 1] = {};
    // By type, the cycle of its request before, 0 before the first one.
    std::uint32_t last_requests[kRequestTypes] = {};
    Sparse<std::uint8_t> present;
    Sparse<std::uint32_t> last;
    Sparse<std::uint32_t> starts;
    Sparse<std::uint32_t> counts;
    std::unique_ptr<Rows> rows[kFamilies];
    std::vector<std::uint32_t> idle;

private:
    // Each returns the timestamp from which an access to `word` goes on.
    std::uint32_t register_access(std::size_t number, std::uint32_t word, std::uint32_t timestamp) {
        const std::uint32_t previous = std::exchange(registers[number], timestamp);
        if (__builtin_expect(timestamp - previous <= kLongestGap, 1)) return previous;
        return catch_up(kSpaceRegisters, number, word, previous, timestamp, register_starts[number]);
    }
    std::uint32_t memory_access(std::size_t number, std::uint32_t word, std::uint32_t timestamp) {
        const std::uint32_t previous = std::exchange(last[number], timestamp);
        if (__builtin_expect(timestamp - previous <= kLongestGap, 1)) return previous;
        return catch_up(kSpaceMemory, number, word, previous, timestamp, starts[number]);
    }
    // A word that was not accessed before starts late; another one is carried on by a row of `idle`.
    [[gnu::noinline]] std::uint32_t catch_up(std::uint32_t space, std::size_t number, std::uint32_t word,
                                             std::uint32_t previous, std::uint32_t timestamp, std::uint32_t& start) {
        if (previous == 0) {
            start = timestamp - 1;
        } else {
            const std::uint32_t row[kIdleWidth] = {space, static_cast<std::uint32_t>(4 * number), word, previous,
                                                   timestamp - 1};
            idle.insert(idle.end(), row, row + kIdleWidth);
        }
        return timestamp - 1;
    }
    void common(std::uint32_t* row, const Op* op, std::uint32_t a, std::uint32_t result) {
        row[0] = clk;
        row[1] = code.pc(op);
        row[2] = a;
        row[5] = result;
        row[6] = register_access(op->rs1, a, 4 * clk);
    }
    void write(std::uint32_t* row, const Op* op) {
        row[4] = x[op->rd];
        row[8] = register_access(op->rd, row[4], 4 * clk + 3);
    }
};

// The parts of a checkpoint, as replay.py lays them out.
struct ReplayInput {
    std::uint32_t pc, end_pc, halts;
    BatchCompress compress;
    std::uint64_t cycles;
    const std::uint32_t* registers;
    const std::uint32_t* advice;
    std::uint64_t advice_words;
    const std::uint32_t* data_blocks;
    const std::uint32_t* data_words;
    std::uint64_t data_count;
    const Digest* data_siblings;
    std::uint64_t data_sibling_count;
    const std::uint32_t* code_blocks;
    const std::uint32_t* code_words;
    std::uint64_t code_count;
    const Digest* code_siblings;
    std::uint64_t code_sibling_count;
};

struct Replay {
    Replay(std::uint32_t code_base, std::size_t code_count, const ReplayInput& input)
        : loaded(code_base, code_count), mode(loaded, input.cycles, input.halts != 0) {}

    LoadedMachine loaded;
    ReplayMode mode;
    std::vector<std::uint32_t> decode;
    std::vector<std::uint32_t> block;
    std::vector<NodeKey> node_keys;
    std::vector<Children> node_before, node_after;
    // Of the register that takes what is written to x0: when it starts, what it holds at the end, and its last access.
    std::uint32_t sink[3] = {};
    // At start and end: register blocks 0 and 1, memory root, code root.
    Digest digests[2][4];
};

namespace {

void append_nodes(Replay& replay, const PartialTree& tree) {
    replay.node_keys.insert(replay.node_keys.end(), tree.keys.begin(), tree.keys.end());
    replay.node_before.insert(replay.node_before.end(), tree.before.begin(), tree.before.end());
    replay.node_after.insert(replay.node_after.end(), tree.after.begin(), tree.after.end());
}

void append_block(Replay& replay, std::uint32_t space, std::uint32_t index, const std::uint32_t* before,
                  const std::uint32_t* after, const std::uint32_t* first, const std::uint32_t* last) {
    auto& rows = replay.block;
    rows.push_back(space);
    rows.push_back(index);
    for (const std::uint32_t* words : {before, after, first, last}) rows.insert(rows.end(), words, words + kBlockWords);
}

void load(Replay& replay, const ReplayInput& input) {
    LoadedMachine& loaded = replay.loaded;
    for (std::size_t i = 0; i < input.data_count; ++i) {
        const std::uint32_t block = input.data_blocks[i];
        std::memcpy(loaded.memory.bytes.data() + 64 * std::size_t{block}, input.data_words + kBlockWords * i, 64);
        replay.mode.present[block] = 1;
    }
    for (std::size_t i = 0; i < input.code_count; ++i) {
        loaded.code.set(input.code_blocks[i] << 6, input.code_words + kBlockWords * i, kBlockWords);
    }
    // The last cycle may jump to code that the segment does not fetch; nothing there is executed.
    constexpr std::uint32_t unknown[kBlockWords] = {};
    const std::uint32_t end_block = input.end_pc & ~63u;
    if (!loaded.code.contains(input.end_pc)) loaded.code.set(end_block, unknown, kBlockWords);
    for (std::size_t i = 0; i < input.code_count; ++i) loaded.code.decode(input.code_blocks[i] << 6, kBlockWords);
    loaded.machine.pc = input.pc;
    std::memcpy(loaded.machine.x, input.registers, 32 * sizeof(std::uint32_t));
    loaded.machine.advice = input.advice;
    loaded.machine.advice_words = input.advice_words;
}

// Whether something in [begin, begin + n) is not zero.
bool any(const std::uint32_t* begin, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        if (begin[i] != 0) return true;
    }
    return false;
}

// Fills the records after a run that went as promised. False when a listed block was not touched.
bool collect(Replay& replay, const ReplayInput& input) {
    const BatchCompress compress = input.compress;
    const LoadedMachine& loaded = replay.loaded;
    const ReplayMode& mode = replay.mode;

    std::vector<std::uint32_t> new_words(kBlockWords * input.data_count);
    for (std::size_t i = 0; i < input.data_count; ++i) {
        const std::size_t block = input.data_blocks[i];
        std::memcpy(&new_words[kBlockWords * i], loaded.memory.bytes.data() + 64 * block, 64);
        const std::uint32_t* last = mode.last.data() + kBlockWords * block;
        if (!any(last, kBlockWords)) return false;
        append_block(replay, kSpaceMemory, input.data_blocks[i], input.data_words + kBlockWords * i,
                     &new_words[kBlockWords * i], mode.starts.data() + kBlockWords * block, last);
    }
    for (unsigned i = 0; i < 2; ++i) {
        append_block(replay, kSpaceRegisters, i, input.registers + kBlockWords * i, loaded.machine.x + kBlockWords * i,
                     mode.register_starts + kBlockWords * i, mode.registers + kBlockWords * i);
    }
    for (std::size_t i = 0; i < input.code_count; ++i) {
        const std::uint32_t base = input.code_blocks[i] << 6;
        const std::uint32_t* words = input.code_words + kBlockWords * i;
        std::uint32_t fetched[kBlockWords];
        for (std::uint32_t j = 0; j < kBlockWords; ++j) {
            const std::uint32_t count = mode.counts[((base - loaded.code.base) >> 2) + j];
            fetched[j] = count != 0;
            if (count != 0) {
                const std::uint32_t row[3] = {base + 4 * j, words[j], count};
                replay.decode.insert(replay.decode.end(), row, row + 3);
            }
        }
        if (!any(fetched, kBlockWords)) return false;
        constexpr std::uint32_t at_zero[kBlockWords] = {};
        append_block(replay, kSpaceCode, input.code_blocks[i], words, words, at_zero, fetched);
    }

    const PartialTree data = partial_tree(
        0, {input.data_blocks, input.data_count}, hash_blocks(input.data_words, input.data_count, compress),
        hash_blocks(new_words.data(), input.data_count, compress),
        {input.data_siblings, input.data_sibling_count}, compress);
    const std::vector<Digest> code_digests = hash_blocks(input.code_words, input.code_count, compress);
    const PartialTree code = partial_tree(2, {input.code_blocks, input.code_count}, code_digests, code_digests,
                                          {input.code_siblings, input.code_sibling_count}, compress);
    append_nodes(replay, data);
    append_nodes(replay, code);
    std::vector<Digest> registers = hash_blocks(input.registers, 2, compress);
    std::copy_n(registers.begin(), 2, replay.digests[0]);
    registers = hash_blocks(loaded.machine.x, 2, compress);
    std::copy_n(registers.begin(), 2, replay.digests[1]);
    replay.digests[0][2] = data.root_before;
    replay.digests[1][2] = data.root_after;
    replay.digests[0][3] = replay.digests[1][3] = code.root_before;
    replay.sink[0] = mode.register_starts[kSink];
    replay.sink[1] = loaded.machine.x[kSink];
    replay.sink[2] = mode.registers[kSink];
    return true;
}

}  // namespace

}  // namespace hm

using hm::Replay;

extern "C" {

// Siblings needed above ascending, distinct blocks.
HM_EXPORT std::size_t hm_sibling_count(const std::uint32_t* blocks, std::size_t count) {
    return hm::sibling_count({blocks, count});
}

// Replays a checkpoint. Block lists are ascending and distinct, not empty for code, with as many siblings as they need;
// the first pc is in a listed block.
// *complete: 1 when the run went as promised and records are there, -1 when it did but left a listed block untouched.
// Null when out of memory.
HM_EXPORT Replay* hm_replay_new(const hm::ReplayInput* input, hm::Outcome* outcome, int* complete) {
    try {
        const std::uint32_t first = std::min(input->code_blocks[0], input->end_pc >> 6);
        const std::uint32_t last = std::max(input->code_blocks[input->code_count - 1], input->end_pc >> 6);
        const std::size_t blocks = last - first + 1;
        auto replay = std::make_unique<Replay>(first << 6, blocks * hm::kBlockWords, *input);
        hm::load(*replay, *input);
        hm::LoadedMachine& loaded = replay->loaded;
        *outcome = hm::interpret(replay->mode, loaded.machine, loaded.code, loaded.memory, 0);
        outcome->cycles = replay->mode.clk - 1;
        // What stops a cut segment after its last cycle is the next instruction, which may be unknown here.
        *complete = (!input->halts || outcome->stop == hm::kStopHalted) && outcome->cycles == input->cycles &&
                    outcome->pc == input->end_pc && loaded.machine.advice_position == input->advice_words;
        if (*complete && !hm::collect(*replay, *input)) *complete = -1;
        // Only the records outlive this call.
        loaded.memory.bytes.release();
        replay->mode.last.release();
        replay->mode.starts.release();
        replay->mode.counts.release();
        return replay.release();
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

HM_EXPORT void hm_replay_free(Replay* replay) { delete replay; }

// The records: the families, then idle words, decode, block, node keys, old children, new children, digests, the sink.
// Returns the number of bytes at *data.
HM_EXPORT std::size_t hm_replay_array(const Replay* replay, int which, const void** data) {
    const auto give = [&](const auto& values) {
        *data = values.data();
        return values.size() * sizeof(values[0]);
    };
    if (which < static_cast<int>(hm::kFamilies)) {
        *data = replay->mode.rows[which]->data.data();
        return replay->mode.rows[which]->bytes();
    }
    switch (which - static_cast<int>(hm::kFamilies)) {
        case 0: return give(replay->mode.idle);
        case 1: return give(replay->decode);
        case 2: return give(replay->block);
        case 3: return give(replay->node_keys);
        case 4: return give(replay->node_before);
        case 5: return give(replay->node_after);
        case 6:
            *data = replay->digests;
            return sizeof replay->digests;
        default:
            *data = replay->sink;
            return sizeof replay->sink;
    }
}

}  // extern "C"
