// The 4-ary Merkle tree over the 2^26 blocks of an address space: 64 bytes a block, one word per field element.
// Level 0 holds the digests of blocks, level 13 the root.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "executor.hpp"

namespace hm {

using Digest = std::array<std::uint64_t, 4>;
using Children = std::array<Digest, 4>;
// hm_compress16 of the instruction set in use.
using BatchCompress = void (*)(const std::uint64_t* in, std::uint64_t* out, std::size_t count);

inline constexpr unsigned kTreeLevels = 13;
inline constexpr std::size_t kBlockWords = 16;

// Digest at `level` of a subtree of zero words.
const Digest& zero_digest(unsigned level);

// Digests of blocks of 16 words each.
std::vector<Digest> hash_blocks(const std::uint32_t* words, std::size_t count, BatchCompress compress);
std::vector<Digest> hash_children(std::span<const Children> nodes, BatchCompress compress);

// A touched node as the records hold it; bit i of `touched`: child i is touched.
struct NodeKey {
    std::uint32_t space, level, index, touched;
};

// The part of a tree above some touched blocks, before and after a segment.
struct PartialTree {
    std::vector<NodeKey> keys;
    std::vector<Children> before;
    std::vector<Children> after;
    Digest root_before;
    Digest root_after;
};

// Some consecutive blocks.
struct BlockRange {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
};

// Digest of a block that no instruction may access (Tag.GUARD, 0, 0, 0): nobody knows words that have it, so no segment
// can open the block. See docs/decisions.
inline constexpr Digest kGuardBlock{12, 0, 0, 0};

// Number of untouched siblings that the tree above these blocks (ascending, distinct) needs.
std::size_t sibling_count(std::span<const std::uint32_t> blocks);

// Builds the tree above the blocks; siblings come level by level, ascending. Without a block the root node alone is
// there, untouched, with four siblings. `siblings` has sibling_count(blocks) entries.
PartialTree partial_tree(std::uint32_t space, std::span<const std::uint32_t> blocks, std::vector<Digest> before,
                         std::vector<Digest> after, std::span<const Digest> siblings, BatchCompress compress);

// The blocks lie outside of the guard.
Digest root_of_blocks(std::span<const std::uint32_t> blocks, const std::uint32_t* words, BlockRange guard,
                      BatchCompress compress);
Digest root_of_memory(const Memory& memory, BatchCompress compress);

// The whole tree, kept up to date while blocks change.
class MemoryTree {
public:
    explicit MemoryTree(BatchCompress compress);

    const Digest& digest(unsigned level, std::uint32_t index) const;
    const Digest& root() const { return digest(kTreeLevels, 0); }
    // Appends the siblings that partial_tree() needs for these blocks.
    void siblings(std::span<const std::uint32_t> blocks, std::vector<Digest>& out) const;
    // Takes over the words of changed blocks (ascending, distinct).
    void update(std::span<const std::uint32_t> blocks, const std::uint32_t* words);
    void set_guard(BlockRange guard);

private:
    void update_digests(std::vector<std::uint32_t> indices, std::vector<Digest> digests);

    BatchCompress compress_;
    // All levels, level 0 first. Four zeros stand for a subtree that was never updated.
    Sparse<Digest> digests_;
    std::array<std::size_t, kTreeLevels + 1> offset_;
};

}  // namespace hm
