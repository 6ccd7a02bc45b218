// Execution that cuts a run into segments: it keeps count of the rows that each table will need, and collects what a
// segment touches, so that the segment can be replayed and proven on its own.
#include <algorithm>
#include <memory>
#include <numeric>

#include "executor_interpreter.hpp"
#include "export.hpp"
#include "memory_tree.hpp"

namespace hm {

namespace {

constexpr std::uint8_t kTouched = 1;
constexpr std::uint8_t kWritten = 2;

// Rows still free in the tables of a segment. hashes: distinct Poseidon2 compressions, an upper bound.
struct Budget {
    std::uint64_t families[kFamilies];
    std::uint64_t decode;
    std::uint64_t block;
    std::uint64_t node;
    std::uint64_t hashes;
    std::uint64_t cycles;
};

// What one instruction at a pc not seen before can need at most: a code block and two neighbouring data blocks, each
// with its path; every data block and node is hashed before and after.
constexpr std::uint64_t kMostBlocks = 3;
constexpr std::uint64_t kMostNodes = 2 * kTreeLevels;
constexpr std::uint64_t kMostHashes = (1 + kTreeLevels) + 2 * (2 + kTreeLevels) + 1;

// The touched blocks of one space and their ancestors.
class TouchedTree {
public:
    TouchedTree() : flags_(offset(kTreeLevels) + 1) {}

    std::uint8_t block_flags(std::uint32_t block) const { return flags_[block]; }

    // Marks a block as touched, and as written if `mark` says so. False, and nothing marked, if the rows do not suffice.
    bool mark(std::uint32_t block, std::uint8_t mark, Budget& budget) {
        const bool new_block = !(flags_[block] & kTouched);
        std::uint64_t nodes = 0;
        std::uint64_t hashes = 0;
        for (unsigned level = 0; level <= kTreeLevels; ++level) {
            const std::uint8_t flags = flags_[place(level, block)];
            if ((flags & mark) == mark) break;
            if (!(flags & kTouched)) {
                nodes += level != 0;
                ++hashes;
            }
            if ((mark & ~flags) & kWritten) ++hashes;
        }
        if (budget.block < new_block || budget.node < nodes || budget.hashes < hashes) return false;
        budget.block -= new_block;
        budget.node -= nodes;
        budget.hashes -= hashes;
        if (new_block) blocks.push_back(block);
        for (unsigned level = 0; level <= kTreeLevels; ++level) {
            std::uint8_t& flags = flags_[place(level, block)];
            if ((flags & mark) == mark) break;
            if (level != 0 && !(flags & kTouched)) nodes_.push_back(place(level, block));
            flags |= mark;
        }
        return true;
    }

    // The root node is part of every segment.
    void reset(Budget& budget) {
        for (const std::uint32_t block : blocks) flags_[block] = 0;
        for (const std::size_t node : nodes_) flags_[node] = 0;
        blocks.clear();
        nodes_.assign(1, place(kTreeLevels, 0));
        flags_[nodes_[0]] = kTouched;
        budget.node -= 1;
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
        : code(code_), seen(code_.count + 1), memory_tree(compress), code_tree(compress) {}

    bool begin(const Op* op, Family family) {
        if (__builtin_expect(left.families[family] == 0 || left.cycles == 0, 0)) return refuse();
        if (__builtin_expect(!seen[static_cast<std::size_t>(op - code.ops.data())], 0)) {
            if (!first_visit(op)) return refuse();
        }
        --left.families[family];
        --left.cycles;
        return true;
    }

    bool begin_halt(const Op* op) {
        return seen[static_cast<std::size_t>(op - code.ops.data())] || first_visit(op) || refuse();
    }

    bool access(Memory& memory, const Op*, Family family, std::uint32_t address, bool write) {
        const std::uint8_t mark = write ? kTouched | kWritten : kTouched;
        if (__builtin_expect((data.block_flags(address >> 6) & mark) == mark, 1)) return true;
        return touch(memory, address, mark) || take_back(family);
    }

    bool access_call(Memory& memory, const Op*, std::uint32_t address) {
        if (left.hashes == 0) return refuse_call();
        --left.hashes;
        // The result fills the first of the two blocks.
        if (!touch(memory, address, kTouched | kWritten) || !touch(memory, address + 64, kTouched)) {
            ++left.hashes;
            return refuse_call();
        }
        return true;
    }

    void abandon() { ++left.cycles; }
    void cycle(const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void load(const Memory&, const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void before_store(const Memory&, std::uint32_t) {}
    void store(const Memory&, const Op*, Family, std::uint32_t, std::uint32_t, std::uint32_t) {}
    void before_call(const Op*, std::uint32_t, const std::uint32_t*) {}

    void start_segment(const Budget& budget) {
        left = budget;
        given = budget;
        for (const std::size_t i : seen_list) seen[i] = 0;
        seen_list.clear();
        old_words.clear();
        data.reset(left);
        executable.reset(left);
    }

    const Code& code;
    Stop stop = kStopCut;
    Budget left{};
    Budget given{};
    bool last_cycles = false;
    Sparse<std::uint8_t> seen;
    std::vector<std::size_t> seen_list;
    TouchedTree data;
    TouchedTree executable;
    // Contents of data.blocks when they were first touched.
    std::vector<std::uint32_t> old_words;
    MemoryTree memory_tree;
    MemoryTree code_tree;

private:
    bool first_visit(const Op* op) {
        if (left.decode == 0 || left.block < kMostBlocks || left.node < kMostNodes || left.hashes < kMostHashes) {
            return false;
        }
        if (!executable.mark(code.pc(op) >> 6, kTouched, left)) return false;
        --left.decode;
        const auto i = static_cast<std::size_t>(op - code.ops.data());
        seen[i] = 1;
        seen_list.push_back(i);
        return true;
    }

    bool touch(Memory& memory, std::uint32_t address, std::uint8_t mark) {
        const std::uint32_t block = address >> 6;
        const std::uint8_t flags = data.block_flags(block);
        if ((flags & mark) == mark) return true;
        if (!data.mark(block, mark, left)) {
            refuse();
            return false;
        }
        if (!(flags & kTouched)) {
            const std::size_t at = old_words.size();
            old_words.resize(at + kBlockWords);
            std::memcpy(&old_words[at], memory.bytes.data() + 64 * std::size_t{block}, 64);
        }
        if ((mark & kWritten) && !memory.claim(address)) {
            stop = kStopMemoryLimit;
            return false;
        }
        return true;
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
        ++left.families[family];
        ++left.cycles;
        if (stop != kStopMemoryLimit) refuse();
        return false;
    }
    bool refuse_call() { return take_back(kFamilyPoseidon2); }
};

struct Witness {
    Witness(LoadedMachine& loaded_, BatchCompress compress) : loaded(loaded_), mode(loaded_.code, compress) {}

    LoadedMachine& loaded;
    WitnessMode mode;
    std::vector<std::uint32_t> data_blocks, data_words, code_blocks, code_words;
    std::vector<Digest> data_siblings, code_siblings;
};

namespace {

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
        witness->mode.code_tree.update({code_blocks, code_count}, code_words);
        return witness.release();
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

HM_EXPORT void hm_witness_free(Witness* witness) { delete witness; }

// Runs one segment. budget: rows of the nine families, decode, block, node, compressions, cycles. last_cycles: reaching
// the number of cycles is the run's limit, not a cut. used: the same 14 values as spent. 0 when out of memory.
HM_EXPORT int hm_witness_segment(Witness* witness, const std::uint64_t* budget, int last_cycles,
                                 hm::Outcome* outcome, std::uint64_t* used) {
    static_assert(sizeof(hm::Budget) == 14 * sizeof(std::uint64_t));
    try {
        hm::Budget rows;
        std::memcpy(&rows, budget, sizeof rows);
        witness->mode.last_cycles = last_cycles != 0;
        witness->mode.start_segment(rows);
        hm::LoadedMachine& loaded = witness->loaded;
        *outcome = hm::interpret(witness->mode, loaded.machine, loaded.code, loaded.memory, 0);
        outcome->cycles = rows.cycles - witness->mode.left.cycles;
        std::uint64_t left[14];
        std::memcpy(left, &witness->mode.left, sizeof left);
        for (unsigned i = 0; i < 14; ++i) used[i] = budget[i] - left[i];
        if (outcome->stop == hm::kStopHalted || outcome->stop == hm::kStopCut) hm::finish_segment(*witness);
        return 1;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

// The last segment's arrays: 0 data blocks, 1 their words, 2 data siblings, 3 code blocks, 4 their words, 5 code
// siblings. Returns the number of bytes at *data, which stay valid until the next segment.
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
        default: return give(witness->code_siblings);
    }
}

// Root of the data memory after the last segment.
HM_EXPORT void hm_witness_root(const Witness* witness, std::uint64_t* root) {
    std::memcpy(root, witness->mode.memory_tree.root().data(), sizeof(hm::Digest));
}

}  // extern "C"
