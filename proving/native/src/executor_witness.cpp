// Execution that cuts a run into segments: it keeps count of the rows that each table will need, and collects what a
// segment touches, so that the segment can be replayed and proven on its own.
#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <memory>
#include <numeric>
#include <span>

#include "executor_interpreter.hpp"
#include "export.hpp"
#include "memory_tree.hpp"

namespace hm {

namespace {

// What is reserved for a block or node: that it is in the segment, and that it may change.
constexpr std::uint8_t kTouched = 1;
constexpr std::uint8_t kWritten = 2;
// A block that an executed instruction accessed, whatever was reserved.
constexpr std::uint8_t kUsed = 4;

// A word that was accessed longer ago than an access can show takes a row of the table `idle`. Cycles are counted in
// epochs: a gap of that many timestamps, four a cycle, spans at least two of them.
constexpr unsigned kEpochBits = 13;
static_assert(4 << kEpochBits == kLongestGap / 2);
// Epochs that a segment may have, and one for what its last instruction does.
constexpr std::uint32_t kMostEpochs = (std::uint32_t{1} << (22 - kEpochBits)) + 1;

// The tables that take the records of instructions.
enum Table : unsigned {
    kTableAddImmediate, kTableAdd, kTableControl, kTableBitwise, kTableMulDiv, kTableMemoryWord, kTableMemorySub,
    kTableCall, kTables
};

// By family.
constexpr Table kTableOf[kFamilies] = {
    kTableAddImmediate, kTableAdd,        kTableControl,   kTableBitwise, kTableBitwise, kTableMulDiv,
    kTableMulDiv,       kTableMemoryWord, kTableMemorySub, kTableCall,    kTableCall,    kTableCall,
};

// Records for which a segment has room. idle: those of words in memory, an upper bound. page: blocks and nodes. hashes:
// distinct Poseidon2 compressions, an upper bound.
struct Budget {
    std::uint64_t tables[kTables];
    std::uint64_t idle;
    std::uint64_t decode;
    std::uint64_t page;
    std::uint64_t hashes;
    std::uint64_t cycles;
};
constexpr std::size_t kBudgetValues = sizeof(Budget) / sizeof(std::uint64_t);
using BudgetValues = std::array<std::uint64_t, kBudgetValues>;

BudgetValues operator-(const Budget& from, const Budget& less) {
    auto result = std::bit_cast<BudgetValues>(from);
    const auto values = std::bit_cast<BudgetValues>(less);
    for (std::size_t i = 0; i < kBudgetValues; ++i) result[i] -= values[i];
    return result;
}

// What an instruction needs for the blocks and words that it touches.
struct Need {
    std::uint64_t page = 0;
    std::uint64_t hashes = 0;
    std::uint64_t idle = 0;
};

// What one instruction at a pc not seen before can need at most: a code block with its path, and two neighbouring data
// blocks with theirs. The roots are there. Data is hashed before and after, a call's second block once, and the call.
constexpr Need kMost{kTreeLevels + (kTreeLevels + 1), kTreeLevels + (2 * kTreeLevels + 1) + 1 + 1};
// Compressions that put a request on its chain.
constexpr std::uint64_t kRequestBlocks = 3;
// The same for a request: a block that is written and two neighbouring ones that are read, each with its path.
constexpr Need kMostOfRequest{kTreeLevels + kTreeLevels + (kTreeLevels + 1),
                              kTreeLevels + (2 * kTreeLevels + 1) + (kTreeLevels + 1) + kRequestBlocks};
// The same for Keccak-f: four blocks of one parent that are written.
constexpr Need kMostOfKeccak{kTreeLevels + kTreeLevels + (kKeccakBlocks - 1),
                             kTreeLevels + (2 * kTreeLevels + 1) + 2 * (kKeccakBlocks - 1) + kKeccakCalls * kRequestBlocks};

constexpr Need most_of(unsigned family) {
    return family == kFamilyRequest ? kMostOfRequest : family == kFamilyKeccak ? kMostOfKeccak : kMost;
}

// Records that an instruction has in its table.
constexpr std::uint64_t records_of(unsigned family) { return family == kFamilyKeccak ? kKeccakCalls : 1; }

bool holds(const Budget& left, const Need& need) {
    return left.page >= need.page && left.hashes >= need.hashes && left.idle >= need.idle;
}

// All of it or, when false, nothing.
bool reserve(Budget& left, const Need& need) {
    if (!holds(left, need)) return false;
    left.page -= need.page;
    left.hashes -= need.hashes;
    left.idle -= need.idle;
    return true;
}

// The touched blocks of one space and their ancestors.
class TouchedTree {
public:
    TouchedTree() : flags_(offset(kTreeLevels) + 1) {}

    std::uint8_t block_flags(std::uint32_t block) const { return flags_[block]; }
    bool all_used() const {
        return std::all_of(blocks.begin(), blocks.end(), [&](std::uint32_t block) { return flags_[block] & kUsed; });
    }

    void use(std::uint32_t block) { flags_[block] |= kUsed; }

    // What marking a block as touched, and as written if `mark` says so, takes.
    Need need(std::uint32_t block, std::uint8_t mark) const {
        Need need;
        for (unsigned level = 0; level <= kTreeLevels; ++level) {
            const std::uint8_t flags = flags_[place(level, block)];
            if ((flags & mark) == mark) break;
            if (!(flags & kTouched)) {
                ++need.page;
                ++need.hashes;
            }
            if ((mark & ~flags) & kWritten) ++need.hashes;
        }
        return need;
    }

    // The caller has reserved what it takes.
    void mark(std::uint32_t block, std::uint8_t mark) {
        for (unsigned level = 0; level <= kTreeLevels; ++level) {
            std::uint8_t& flags = flags_[place(level, block)];
            if ((flags & mark) == mark) break;
            if (!(flags & kTouched)) {
                if (level == 0) {
                    blocks.push_back(block);
                } else {
                    nodes_.push_back(place(level, block));
                }
            }
            flags |= mark;
        }
    }

    // The root node is part of every segment.
    void reset(Budget& budget) {
        for (const std::uint32_t block : blocks) flags_[block] = 0;
        for (const std::size_t node : nodes_) flags_[node] = 0;
        blocks.clear();
        nodes_.assign(1, place(kTreeLevels, 0));
        flags_[nodes_[0]] = kTouched;
        budget.page -= 1;
        budget.hashes -= 1;
    }

    std::vector<std::uint32_t> blocks;

private:
    static constexpr std::size_t offset(unsigned level) {
        std::size_t total = 0;
        for (unsigned i = 0; i < level; ++i) total += std::size_t{1} << (2 * (kTreeLevels - i));
        return total;
    }
    static std::size_t place(unsigned level, std::uint32_t block) {
        static constexpr auto offsets = [] {
            std::array<std::size_t, kTreeLevels + 1> result{};
            for (unsigned i = 0; i <= kTreeLevels; ++i) result[i] = offset(i);
            return result;
        }();
        return offsets[level] + (block >> (2 * level));
    }

    Sparse<std::uint8_t> flags_;
    std::vector<std::size_t> nodes_;
};

}  // namespace

struct WitnessMode {
    static constexpr bool kCountsEveryCycle = true;

    WitnessMode(const Code& code_, BatchCompress compress)
        : code(code_), seen(code_.count + 1), accessed(kAddressSpace / 4), memory_tree(compress), code_tree(compress) {}

    bool begin(const Op* op, Family family) {
        return __builtin_expect(count(op, family), 1) || elsewhere([&] { return count(op, family); }) || refuse();
    }

    bool begin_halt(const Op* op) {
        if (seen[static_cast<std::size_t>(op - code.ops.data())]) return true;
        return first_visit(op, kMost) || elsewhere([&] { return first_visit(op, kMost); }) || refuse();
    }

    bool access(Memory& memory, const Op*, Family family, std::uint32_t address, bool write) {
        const std::uint8_t mark = write ? kTouched | kWritten : kTouched;
        const std::uint32_t block = address >> 6;
        const bool marked = (data.block_flags(block) & mark) == mark;
        if (__builtin_expect(marked && accessed[address >> 2] == epoch(), 1)) return true;
        if (!marked && memory.guarded(address)) return trap(kStopGuard);
        Need need = marked ? Need{} : data.need(block, mark);
        need.idle = idle_words(address, 1);
        if (!reserve(left, need) && !elsewhere([&] { return reserve(left, need); })) return take_back(family);
        renew_words(address, 1);
        data.use(block);
        return marked || touch(memory, block, mark) || trap(kStopMemoryLimit);
    }

    bool access_call(Memory& memory, const Op*, std::uint32_t address) {
        // The result fills the first of the two blocks. The second has the same parent, so only the block is its own.
        if (memory.guarded(address)) return trap(kStopGuard);
        const std::uint32_t block = address >> 6;
        Need need = data.need(block, kTouched | kWritten);
        const bool second = !(data.block_flags(block + 1) & kTouched);
        need.page += second;
        need.hashes += second + 1;
        need.idle = idle_words(address, kCallInputs);
        if (!reserve(left, need) && !elsewhere([&] { return reserve(left, need); })) {
            return take_back(kFamilyPoseidon2);
        }
        renew_words(address, kCallInputs);
        return (touch(memory, block, kTouched | kWritten) && touch(memory, block + 1, kTouched)) ||
               trap(kStopMemoryLimit);
    }

    bool access_request(Memory& memory, const Request& request, std::uint32_t first, std::uint32_t others) {
        if (memory.guarded(first) || memory.guarded(others)) return trap(kStopGuard);
        // Common ancestors of the two buffers are counted for both.
        const std::uint32_t written = first >> 6;
        const std::uint32_t read = others >> 6;
        Need need = data.need(written, kTouched | kWritten);
        const Need reading = data.need(read, kTouched);
        const bool second = request.second() && !(data.block_flags(read + 1) & kTouched);
        need.page += reading.page + second;
        need.hashes += reading.hashes + second + kRequestBlocks;
        // Words of both buffers are counted for both.
        const std::size_t other_words = request.others() / 4;
        need.idle = idle_words(first, kCallOutputs) + idle_words(others, other_words);
        if (!reserve(left, need) && !elsewhere([&] { return reserve(left, need); })) return take_back(kFamilyRequest);
        renew_words(first, kCallOutputs);
        renew_words(others, other_words);
        return (touch(memory, written, kTouched | kWritten) && touch(memory, read, kTouched) &&
                (!request.second() || touch(memory, read + 1, kTouched))) ||
               trap(kStopMemoryLimit);
    }

    bool access_keccak(Memory& memory, std::uint32_t state) {
        if (memory.guarded(state)) return trap(kStopGuard);
        const std::uint32_t block = state >> 6;
        Need need = data.need(block, kTouched | kWritten);
        // The others have the first one's parent, so that only the blocks are their own.
        for (std::uint32_t i = 1; i < kKeccakBlocks; ++i) {
            const std::uint8_t flags = data.block_flags(block + i);
            need.page += !(flags & kTouched);
            need.hashes += !(flags & kTouched) + !(flags & kWritten);
        }
        need.hashes += kKeccakCalls * kRequestBlocks;
        need.idle = idle_words(state, kKeccakWords);
        if (!reserve(left, need) && !elsewhere([&] { return reserve(left, need); })) return take_back(kFamilyKeccak);
        renew_words(state, kKeccakWords);
        for (std::uint32_t i = 0; i < kKeccakBlocks; ++i)
            if (!touch(memory, block + i, kTouched | kWritten)) return trap(kStopMemoryLimit);
        return true;
    }

    void abandon() { ++left.cycles; }
    void cycle(const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void branch(const Op*, Family, std::uint32_t, std::uint32_t) {}
    void load(const Memory&, const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void before_store(const Memory&, std::uint32_t) {}
    void store(const Memory&, const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void before_call(const Op*, std::uint32_t pointer, const std::uint32_t*) {
        data.use(pointer >> 6);
        data.use((pointer >> 6) + 1);
    }

    void before_request(const Op* op, std::uint32_t first, std::uint32_t others, const std::uint32_t* inputs,
                        const std::uint32_t*) {
        const Request& request = kRequests[op->immediate];
        data.use(first >> 6);
        data.use(others >> 6);
        if (request.second()) data.use((others >> 6) + 1);
        std::vector<std::uint32_t>& asked = requests[static_cast<std::size_t>(op->immediate)];
        asked.insert(asked.end(), inputs, inputs + request.inputs);
    }

    void before_keccak(const Op* op, std::uint32_t state, const std::uint32_t* inputs, const std::uint32_t*) {
        for (std::uint32_t i = 0; i < kKeccakBlocks; ++i) data.use((state >> 6) + i);
        std::vector<std::uint32_t>& asked = requests[static_cast<std::size_t>(op->immediate)];
        asked.insert(asked.end(), inputs, inputs + kKeccakWords);
    }

    // What is used goes from the first budget; when it ends, from another that holds all that was used.
    void start_segment(std::span<const Budget> budgets_) {
        budgets.assign(budgets_.begin(), budgets_.end());
        left = given = budgets.front();
        for (const std::size_t i : seen_list) seen[i] = 0;
        seen_list.clear();
        old_words.clear();
        for (std::vector<std::uint32_t>& asked : requests) asked.clear();
        first_epoch += kMostEpochs;
        if (first_epoch + kMostEpochs > 0xffff) {
            accessed.release();
            first_epoch = 1;
        }
        data.reset(left);
        executable.reset(left);
    }

    const Code& code;
    Stop stop = kStopCut;
    std::vector<Budget> budgets;
    Budget left{};
    Budget given{};
    bool last_cycles = false;
    Sparse<std::uint8_t> seen;
    std::vector<std::size_t> seen_list;
    // Cycles before the last entry of seen_list was made.
    std::uint64_t cycles_at_visit = 0;
    // By word of memory, the epoch of its last access; those of earlier segments, or 0, are below first_epoch.
    Sparse<std::uint16_t> accessed;
    std::uint32_t first_epoch = 1;
    TouchedTree data;
    TouchedTree executable;
    // Contents of data.blocks when they were first touched.
    std::vector<std::uint32_t> old_words;
    // By type, inputs of the segment's requests.
    std::array<std::vector<std::uint32_t>, kRequestTypes> requests;
    MemoryTree memory_tree;
    MemoryTree code_tree;

private:
    std::uint32_t epoch() const {
        return first_epoch + static_cast<std::uint32_t>((given.cycles - left.cycles) >> kEpochBits);
    }

    // How many of the words have rows of `idle`, at most, when they are accessed now.
    std::uint64_t idle_words(std::uint32_t address, std::size_t count) const {
        const std::uint32_t now = epoch();
        const std::uint16_t* const words = accessed.data() + (address >> 2);
        return static_cast<std::uint64_t>(std::count_if(words, words + count, [&](std::uint32_t last) {
            return last >= first_epoch && now - last >= 2;
        }));
    }
    void renew_words(std::uint32_t address, std::size_t count) {
        std::fill_n(accessed.data() + (address >> 2), count, static_cast<std::uint16_t>(epoch()));
    }

    // Counts an instruction and reserves for its first visit: all of it or, when false, nothing.
    bool count(const Op* op, Family family) {
        if (__builtin_expect(left.tables[kTableOf[family]] < records_of(family) || left.cycles == 0, 0)) return false;
        if (__builtin_expect(!seen[static_cast<std::size_t>(op - code.ops.data())], 0)) {
            if (!first_visit(op, most_of(family))) return false;
        }
        left.tables[kTableOf[family]] -= records_of(family);
        --left.cycles;
        return true;
    }

    // Moves to another budget that holds what is used and in which `accept` succeeds. False when there is none.
    template <class Accept>
    [[gnu::noinline]] bool elsewhere(Accept accept) {
        const Budget given_before = given, left_before = left;
        const BudgetValues used = given - left;
        for (const Budget& budget : budgets) {
            const auto values = std::bit_cast<BudgetValues>(budget);
            if (!std::equal(used.begin(), used.end(), values.begin(), std::less_equal{})) continue;
            given = budget;
            left = std::bit_cast<Budget>(budget - std::bit_cast<Budget>(used));
            if (accept()) return true;
        }
        given = given_before;
        left = left_before;
        return false;
    }

    bool first_visit(const Op* op, const Need& most) {
        if (left.decode == 0 || !holds(left, most)) return false;
        const std::uint32_t block = code.pc(op) >> 6;
        reserve(left, executable.need(block, kTouched));
        executable.mark(block, kTouched);
        --left.decode;
        const auto i = static_cast<std::size_t>(op - code.ops.data());
        seen[i] = 1;
        seen_list.push_back(i);
        cycles_at_visit = given.cycles - left.cycles;
        return true;
    }

    // Marks a data block whose rows are reserved; false when the program may not write to so much memory.
    bool touch(Memory& memory, std::uint32_t block, std::uint8_t mark) {
        const bool is_new = !(data.block_flags(block) & kTouched);
        data.mark(block, mark);
        if (is_new) {
            const std::size_t at = old_words.size();
            old_words.resize(at + kBlockWords);
            std::memcpy(&old_words[at], memory.bytes.data() + 64 * std::size_t{block}, 64);
        }
        return !(mark & kWritten) || memory.claim(block << 6);
    }

    bool refuse() {
        const bool nothing_done = left.cycles == given.cycles;
        if (left.cycles == 0) {
            stop = last_cycles ? kStopCycleLimit : kStopCut;
        } else {
            stop = nothing_done ? kStopCapacity : kStopCut;
        }
        return false;
    }

    // The instruction was counted but is not executed.
    bool take_back(Family family) {
        left.tables[kTableOf[family]] += records_of(family);
        ++left.cycles;
        return refuse();
    }

    // The instruction that was begun ends the run.
    bool trap(Stop reason) {
        abandon();
        stop = reason;
        return false;
    }
};

struct Witness {
    Witness(LoadedMachine& loaded_, BatchCompress compress) : loaded(loaded_), mode(loaded_.code, compress) {}

    LoadedMachine& loaded;
    WitnessMode mode;
    std::vector<std::uint32_t> data_blocks, data_words, code_blocks, code_words;
    std::vector<Digest> data_siblings, code_siblings;
};

namespace {

// Whether an instruction of the segment accessed every listed block. Replay refuses a segment where none did, and no
// tree row could be proven for it.
bool touches_what_it_lists(const WitnessMode& mode, bool halted) {
    const bool fetched = halted || mode.seen_list.empty() || mode.cycles_at_visit != mode.given.cycles - mode.left.cycles;
    return fetched && mode.data.all_used();
}

// Sorts the touched blocks with their old words, collects siblings, and brings the tree up to date.
void finish_segment(Witness& witness) {
    WitnessMode& mode = witness.mode;
    const std::vector<std::uint32_t>& touched = mode.data.blocks;
    std::vector<std::uint32_t> order(touched.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return touched[a] < touched[b]; });
    witness.data_blocks.resize(touched.size());
    witness.data_words.resize(kBlockWords * touched.size());
    std::vector<std::uint32_t> written, written_words;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::uint32_t block = touched[order[i]];
        const std::uint32_t* old_words = &mode.old_words[kBlockWords * order[i]];
        witness.data_blocks[i] = block;
        std::copy_n(old_words, kBlockWords, &witness.data_words[kBlockWords * i]);
        std::uint32_t words[kBlockWords];
        std::memcpy(words, witness.loaded.memory.bytes.data() + 64 * std::size_t{block}, sizeof words);
        if (std::memcmp(words, old_words, sizeof words) != 0) {
            written.push_back(block);
            written_words.insert(written_words.end(), words, words + kBlockWords);
        }
    }
    witness.data_siblings.clear();
    mode.memory_tree.siblings(witness.data_blocks, witness.data_siblings);
    mode.memory_tree.update(written, written_words.data());

    const Code& code = witness.loaded.code;
    witness.code_blocks = mode.executable.blocks;
    std::sort(witness.code_blocks.begin(), witness.code_blocks.end());
    witness.code_words.clear();
    for (const std::uint32_t block : witness.code_blocks) {
        const std::uint32_t* words = code.words.data() + (((block << 6) - code.base) >> 2);
        witness.code_words.insert(witness.code_words.end(), words, words + kBlockWords);
    }
    witness.code_siblings.clear();
    mode.code_tree.siblings(witness.code_blocks, witness.code_siblings);
}

}  // namespace

}  // namespace hm

using hm::Witness;

extern "C" {

// Prepares a loaded machine for segmentation. The two images (ascending blocks of 16 words) are what was loaded. The
// machine must outlive the result; null when memory cannot be reserved.
HM_EXPORT Witness* hm_witness_new(hm::LoadedMachine* loaded, const std::uint32_t* memory_blocks,
                                  const std::uint32_t* memory_words, std::size_t memory_count,
                                  const std::uint32_t* code_blocks, const std::uint32_t* code_words,
                                  std::size_t code_count, hm::BatchCompress compress) {
    try {
        auto witness = std::make_unique<Witness>(*loaded, compress);
        witness->mode.memory_tree.update({memory_blocks, memory_count}, memory_words);
        witness->mode.memory_tree.set_guard({loaded->memory.guard_begin >> 6, loaded->memory.guard_size >> 6});
        witness->mode.code_tree.update({code_blocks, code_count}, code_words);
        return witness.release();
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

HM_EXPORT void hm_witness_free(Witness* witness) { delete witness; }

// Runs one segment. budgets: the records that it may have, in the order of Budget; it ends before the first instruction
// with which no budget holds it. last_cycles: reaching the number of cycles is the run's limit, not a cut. used: the same
// values as spent. 1 when done, 0 when out of memory, -1 when the segment lists a block that it does not touch.
HM_EXPORT int hm_witness_segment(Witness* witness, const std::uint64_t* budgets, std::size_t count, int last_cycles,
                                 hm::Outcome* outcome, std::uint64_t* used) {
    try {
        std::vector<hm::Budget> records(count);
        std::memcpy(records.data(), budgets, count * sizeof(hm::Budget));
        hm::WitnessMode& mode = witness->mode;
        mode.last_cycles = last_cycles != 0;
        mode.start_segment(records);
        hm::LoadedMachine& loaded = witness->loaded;
        *outcome = hm::interpret(mode, loaded.machine, loaded.code, loaded.memory, 0);
        outcome->cycles = mode.given.cycles - mode.left.cycles;
        std::ranges::copy(mode.given - mode.left, used);
        const bool halted = outcome->stop == hm::kStopHalted;
        if (!halted && outcome->stop != hm::kStopCut) return 1;
        if (!hm::touches_what_it_lists(mode, halted)) return -1;
        hm::finish_segment(*witness);
        return 1;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

// The last segment's arrays: 0 data blocks, 1 their words, 2 data siblings, 3 code blocks, 4 their words, 5 code
// siblings, 6 and on inputs of requests of each type. Returns the number of bytes at *data, which stay valid until the next
// segment.
HM_EXPORT std::size_t hm_witness_array(const Witness* witness, int which, const void** data) {
    const auto give = [&](const auto& values) {
        *data = values.data();
        return values.size() * sizeof(values[0]);
    };
    switch (which) {
        case 0: return give(witness->data_blocks);
        case 1: return give(witness->data_words);
        case 2: return give(witness->data_siblings);
        case 3: return give(witness->code_blocks);
        case 4: return give(witness->code_words);
        case 5: return give(witness->code_siblings);
        default: return give(witness->mode.requests.at(static_cast<std::size_t>(which - 6)));
    }
}

// Root of the data memory after the last segment.
HM_EXPORT void hm_witness_root(const Witness* witness, std::uint64_t* root) {
    std::memcpy(root, witness->mode.memory_tree.root().data(), sizeof(hm::Digest));
}

}  // extern "C"
