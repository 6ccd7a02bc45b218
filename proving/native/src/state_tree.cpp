#include "state_tree.hpp"

#include <algorithm>
#include <cstring>

namespace hm::state_tree {

Key digits_first(const Word* key) {
    Key result;
    for (unsigned i = 0; i < 4; ++i) {
        Word x = __builtin_bswap64(key[i]);
        x = (x & 0x0f0f0f0f0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0f);
        result[i] = (x & 0x3333333333333333) << 2 | (x >> 2 & 0x3333333333333333);
    }
    return result;
}

void write_inner(Word* out, const Inner& node) {
    Word kinds = 0;
    Word* next = out + 1;
    for (unsigned i = 0; i < 4; ++i) {
        kinds |= Word{node.children[i].kind()} << (2 * i);
        if (node.children[i].kind() == kEmpty) continue;
        *next++ = node.children[i].word;
        next = std::copy(node.digests[i].begin(), node.digests[i].end(), next);
    }
    *out = kinds;
}

std::size_t Log::inner_size(Ref ref) const {
    const Word kinds = *at(ref.position(), 1);
    std::size_t words = 1;
    for (unsigned i = 0; i < 4; ++i) words += (kinds >> (2 * i) & 3) == kEmpty ? 0 : 5;
    return words;
}

Inner Log::inner(Ref ref) const {
    const std::size_t words = inner_size(ref);
    const Word* record = at(ref.position(), words);
    Inner node{};
    const Word* next = record + 1;
    for (unsigned i = 0; i < 4; ++i) {
        const Word kind = record[0] >> (2 * i) & 3;
        if (kind == kEmpty) continue;
        node.children[i] = Ref(next[0]);
        if (node.children[i].kind() != kind || kind == kOpaque) throw Damaged{};
        std::copy(next + 1, next + 5, node.digests[i].begin());
        next += 5;
    }
    return node;
}

Tail::Tail(Log& log, Word position) : log_(log), position_(position), first_(chunk_of(position)) {
    add_chunk();
    if (const Word used = offset_of(position); used != 0) {
        std::memcpy(chunks_[0].get(), log.at(first_ << 15, used), used * sizeof(Word));
    }
    log_.set(first_, chunks_[0].get());
}

void Tail::add_chunk() { chunks_.push_back(std::make_unique_for_overwrite<Word[]>(kChunkWords)); }

Word Tail::allocate(std::size_t words) {
    if (offset_of(position_) + words > kChunkWords) {
        finish();
        add_chunk();
        log_.set(first_ + chunks_.size() - 1, chunks_.back().get());
        position_ = (chunk_of(position_) + 1) << 15;
    }
    const Word position = position_;
    position_ += words;
    return position;
}

const Word* find(const Log& log, Ref root, const Word* key) {
    for (unsigned depth = 0; root.kind() == kInner; ++depth) {
        if (depth == kDepth) throw Damaged{};
        root = log.inner(root).children[digit(key, depth)];
    }
    if (root.kind() != kLeaf) return nullptr;
    const Word* leaf = log.leaf(root);
    return std::equal(key, key + 4, leaf) ? leaf : nullptr;
}

std::size_t Tail::size(std::size_t index) const {
    if (index + 1 < count()) return kChunkWords;
    const std::size_t pages = (kHeaderWords + offset_of(position_) + kPageWords - 1) / kPageWords;
    return pages * kPageWords - kHeaderWords;
}

void Tail::finish() {
    Word* rest = at(position_);
    std::fill(rest, rest + (size(count() - 1) - offset_of(position_)), 0);
}

void leaf_lanes(const Word* key, const Word* value, Word* lanes) {
    std::copy(key, key + 4, lanes);
    for (unsigned i = 0; i < 5; ++i) {
        lanes[4 + 2 * i] = value[i] & 0xffffffff;
        lanes[5 + 2 * i] = value[i] >> 32;
    }
    lanes[14] = kAccountTag;
    lanes[15] = 0;
}

}  // namespace hm::state_tree
