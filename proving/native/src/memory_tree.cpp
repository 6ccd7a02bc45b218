#include "memory_tree.hpp"

#include <algorithm>
#include <numeric>

#include "hash/poseidon2.hpp"

namespace hm {

namespace {

constexpr std::size_t level_size(unsigned level) { return std::size_t{1} << (2 * (kTreeLevels - level)); }

std::size_t all_levels() {
    std::size_t total = 0;
    for (unsigned level = 0; level <= kTreeLevels; ++level) total += level_size(level);
    return total;
}

// Calls visit(parent, mask) for the parents of ascending distinct indices.
template <class Visit>
void for_each_parent(std::span<const std::uint32_t> indices, Visit&& visit) {
    for (std::size_t i = 0; i < indices.size();) {
        const std::uint32_t parent = indices[i] >> 2;
        unsigned mask = 0;
        for (; i < indices.size() && indices[i] >> 2 == parent; ++i) mask |= 1u << (indices[i] & 3);
        visit(parent, mask);
    }
}

}  // namespace

const Digest& zero_digest(unsigned level) {
    static const auto digests = [] {
        std::array<Digest, kTreeLevels + 1> result;
        const std::uint64_t zeros[16] = {};
        compress16(zeros, result[0].data());
        for (unsigned i = 1; i <= kTreeLevels; ++i) {
            const Children children{result[i - 1], result[i - 1], result[i - 1], result[i - 1]};
            compress16(children[0].data(), result[i].data());
        }
        return result;
    }();
    return digests[level];
}

std::vector<Digest> hash_blocks(const std::uint32_t* words, std::size_t count, BatchCompress compress) {
    std::vector<std::uint64_t> elements(words, words + kBlockWords * count);
    std::vector<Digest> digests(count);
    compress(elements.data(), reinterpret_cast<std::uint64_t*>(digests.data()), count);
    return digests;
}

std::vector<Digest> hash_children(std::span<const Children> nodes, BatchCompress compress) {
    std::vector<Digest> digests(nodes.size());
    compress(reinterpret_cast<const std::uint64_t*>(nodes.data()), reinterpret_cast<std::uint64_t*>(digests.data()),
             nodes.size());
    return digests;
}

std::size_t sibling_count(std::span<const std::uint32_t> blocks) {
    if (blocks.empty()) return 4;
    std::size_t total = 0;
    std::vector<std::uint32_t> indices(blocks.begin(), blocks.end());
    for (unsigned level = 1; level <= kTreeLevels; ++level) {
        std::vector<std::uint32_t> parents;
        for_each_parent(indices, [&](std::uint32_t parent, unsigned) { parents.push_back(parent); });
        total += 4 * parents.size() - indices.size();
        indices = std::move(parents);
    }
    return total;
}

PartialTree partial_tree(std::uint32_t space, std::span<const std::uint32_t> blocks, std::vector<Digest> before,
                         std::vector<Digest> after, std::span<const Digest> siblings, BatchCompress compress) {
    PartialTree tree;
    std::size_t next_sibling = 0;
    std::vector<std::uint32_t> indices(blocks.begin(), blocks.end());
    const unsigned first_level = blocks.empty() ? kTreeLevels : 1;
    for (unsigned level = first_level; level <= kTreeLevels; ++level) {
        const std::size_t first_node = tree.keys.size();
        std::vector<std::uint32_t> parents;
        std::size_t child = 0;
        const auto add = [&](std::uint32_t parent, unsigned mask) {
            Children old_children, new_children;
            for (unsigned i = 0; i < 4; ++i) {
                if (mask >> i & 1) {
                    old_children[i] = before[child];
                    new_children[i] = after[child];
                    ++child;
                } else {
                    old_children[i] = new_children[i] = siblings[next_sibling++];
                }
            }
            parents.push_back(parent);
            tree.keys.push_back({space, level, parent, mask});
            tree.before.push_back(old_children);
            tree.after.push_back(new_children);
        };
        if (indices.empty()) {
            add(0, 0);
        } else {
            for_each_parent(indices, add);
        }
        const std::span<const Children> nodes_before(tree.before.data() + first_node, parents.size());
        const std::span<const Children> nodes_after(tree.after.data() + first_node, parents.size());
        before = hash_children(nodes_before, compress);
        // Most nodes above read-only blocks do not change and are not hashed twice.
        std::vector<std::size_t> changed;
        std::vector<Children> changed_nodes;
        for (std::size_t i = 0; i < parents.size(); ++i) {
            if (nodes_before[i] != nodes_after[i]) {
                changed.push_back(i);
                changed_nodes.push_back(nodes_after[i]);
            }
        }
        after = before;
        const std::vector<Digest> digests = hash_children(changed_nodes, compress);
        for (std::size_t i = 0; i < changed.size(); ++i) after[changed[i]] = digests[i];
        indices = std::move(parents);
    }
    tree.root_before = before[0];
    tree.root_after = after[0];
    return tree;
}

Digest root_of_blocks(std::span<const std::uint32_t> blocks, const std::uint32_t* words, BlockRange guard,
                      BatchCompress compress) {
    std::vector<std::uint32_t> indices(blocks.begin(), blocks.end());
    std::vector<Digest> digests = hash_blocks(words, blocks.size(), compress);
    const auto place = std::lower_bound(indices.begin(), indices.end(), guard.first) - indices.begin();
    digests.insert(digests.begin() + place, guard.count, kGuardBlock);
    const auto inserted = indices.insert(indices.begin() + place, guard.count, 0);
    std::iota(inserted, inserted + guard.count, guard.first);
    if (indices.empty()) return zero_digest(kTreeLevels);
    for (unsigned level = 1; level <= kTreeLevels; ++level) {
        std::vector<std::uint32_t> parents;
        std::vector<Children> nodes;
        std::size_t child = 0;
        for_each_parent(indices, [&](std::uint32_t parent, unsigned mask) {
            Children children;
            for (unsigned i = 0; i < 4; ++i) {
                children[i] = (mask >> i & 1) ? digests[child++] : zero_digest(level - 1);
            }
            parents.push_back(parent);
            nodes.push_back(children);
        });
        digests = hash_children(nodes, compress);
        indices = std::move(parents);
    }
    return digests[0];
}

Digest root_of_memory(const Memory& memory, BatchCompress compress) {
    std::vector<std::uint32_t> blocks;
    std::vector<std::uint32_t> words;
    for (std::size_t page = 0; page < kAddressSpace >> kPageBits; ++page) {
        if (memory.pages[page] == kPageFresh) continue;
        const std::size_t blocks_per_page = std::size_t{1} << (kPageBits - 6);
        for (std::size_t block = page * blocks_per_page; block < (page + 1) * blocks_per_page; ++block) {
            std::array<std::uint32_t, kBlockWords> content;
            std::memcpy(content.data(), memory.bytes.data() + 64 * block, sizeof content);
            if (content == std::array<std::uint32_t, kBlockWords>{}) continue;
            blocks.push_back(static_cast<std::uint32_t>(block));
            words.insert(words.end(), content.begin(), content.end());
        }
    }
    const BlockRange guard{memory.guard_begin >> 6, memory.guard_size >> 6};
    return root_of_blocks(blocks, words.data(), guard, compress);
}

MemoryTree::MemoryTree(BatchCompress compress) : compress_(compress), digests_(all_levels()) {
    std::size_t offset = 0;
    for (unsigned level = 0; level <= kTreeLevels; ++level) {
        offset_[level] = offset;
        offset += level_size(level);
    }
}

const Digest& MemoryTree::digest(unsigned level, std::uint32_t index) const {
    const Digest& stored = digests_[offset_[level] + index];
    return stored == Digest{} ? zero_digest(level) : stored;
}

void MemoryTree::siblings(std::span<const std::uint32_t> blocks, std::vector<Digest>& out) const {
    if (blocks.empty()) {
        for (std::uint32_t i = 0; i < 4; ++i) out.push_back(digest(kTreeLevels - 1, i));
        return;
    }
    std::vector<std::uint32_t> indices(blocks.begin(), blocks.end());
    for (unsigned level = 1; level <= kTreeLevels; ++level) {
        std::vector<std::uint32_t> parents;
        for_each_parent(indices, [&](std::uint32_t parent, unsigned mask) {
            parents.push_back(parent);
            for (std::uint32_t i = 0; i < 4; ++i) {
                if (!(mask >> i & 1)) out.push_back(digest(level - 1, 4 * parent + i));
            }
        });
        indices = std::move(parents);
    }
}

void MemoryTree::update(std::span<const std::uint32_t> blocks, const std::uint32_t* words) {
    if (blocks.empty()) return;
    update_digests({blocks.begin(), blocks.end()}, hash_blocks(words, blocks.size(), compress_));
}

void MemoryTree::set_guard(BlockRange guard) {
    if (guard.count == 0) return;
    std::vector<std::uint32_t> indices(guard.count);
    std::iota(indices.begin(), indices.end(), guard.first);
    update_digests(std::move(indices), std::vector<Digest>(guard.count, kGuardBlock));
}

void MemoryTree::update_digests(std::vector<std::uint32_t> indices, std::vector<Digest> digests) {
    for (unsigned level = 0;; ++level) {
        for (std::size_t i = 0; i < indices.size(); ++i) digests_[offset_[level] + indices[i]] = digests[i];
        if (level == kTreeLevels) return;
        std::vector<std::uint32_t> parents;
        std::vector<Children> nodes;
        for_each_parent(indices, [&](std::uint32_t parent, unsigned) {
            parents.push_back(parent);
            nodes.push_back({digest(level, 4 * parent), digest(level, 4 * parent + 1), digest(level, 4 * parent + 2),
                             digest(level, 4 * parent + 3)});
        });
        digests = hash_children(nodes, compress_);
        indices = std::move(parents);
    }
}

}  // namespace hm
