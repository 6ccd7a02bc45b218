// What is read from a version: the partial tree of a witness input, its leaves in order, and whether it is sound.
#include <algorithm>
#include <span>

#include "state_tree.hpp"

namespace hm::state_tree {

namespace {

class Partial {
  public:
    explicit Partial(const Log& log) : log_(log) {}

    Kind kind(Ref ref, std::size_t keys) const { return ref.kind() != kEmpty && keys == 0 ? kOpaque : ref.kind(); }

    void put(std::uint32_t word) { words_.push_back(word); }

    // Writes a node; `keys` are those below it.
    void node(Ref ref, const Word* digest, unsigned depth, std::span<const Word* const> keys) {
        if (ref.kind() == kEmpty) return;
        if (keys.empty()) return numbers(digest, 4);
        if (ref.kind() == kLeaf) return numbers(log_.leaf(ref), kLeafWords);
        if (depth == kDepth) throw Damaged{};
        const Inner inner = log_.inner(ref);
        std::array<std::span<const Word* const>, 4> below;
        std::uint32_t kinds = 0;
        for (unsigned i = 0; i < 4; ++i) {
            const auto end = std::partition_point(keys.begin(), keys.end(),
                                                  [&](const Word* key) { return digit(key, depth) <= i; });
            below[i] = {keys.begin(), end};
            keys = {end, keys.end()};
            kinds |= std::uint32_t{kind(inner.children[i], below[i].size())} << (2 * i);
        }
        put(kinds);
        for (unsigned i = 0; i < 4; ++i) node(inner.children[i], inner.digests[i].data(), depth + 1, below[i]);
    }

    std::vector<std::uint32_t> take() { return std::move(words_); }

  private:
    void numbers(const Word* numbers, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            put(static_cast<std::uint32_t>(numbers[i]));
            put(static_cast<std::uint32_t>(numbers[i] >> 32));
        }
    }

    const Log& log_;
    std::vector<std::uint32_t> words_;
};

class Leaves {
  public:
    Leaves(const Log& log, const Word* from, std::size_t limit) : log_(log), from_(from), limit_(limit) {}

    void collect(Ref ref, unsigned depth, bool bounded) {
        if (ref.kind() == kEmpty || words_.size() == limit_ * kLeafWords) return;
        if (ref.kind() == kLeaf) {
            const Word* leaf = log_.leaf(ref);
            if (bounded && digits_first(leaf) < digits_first(from_)) return;
            words_.insert(words_.end(), leaf, leaf + kLeafWords);
            return;
        }
        if (depth == kDepth) throw Damaged{};
        const Inner node = log_.inner(ref);
        const unsigned first = bounded ? digit(from_, depth) : 0;
        for (unsigned i = first; i < 4; ++i) collect(node.children[i], depth + 1, bounded && i == first);
    }

    std::vector<Word> take() { return std::move(words_); }

  private:
    const Log& log_;
    const Word* from_;
    std::size_t limit_;
    std::vector<Word> words_;
};

// Walks the tree and hashes what it reads a batch at a time.
class Check {
  public:
    Check(const Log& log, const State& state, BatchCompress compress) : log_(log), state_(state), compress_(compress) {}

    Finding run() {
        node(Ref(state_.root), state_.digest, 0);
        flush();
        const bool counted = leaves_ == state_.leaves && live_ == state_.live;
        if (found_.fault == kSound && !counted) found_ = {kWrongCount, 0};
        return found_;
    }

  private:
    static constexpr std::size_t kTogether = 1 << 14;

    void fault(Fault which, Word position) {
        if (found_.fault == kSound) found_ = {which, position};
    }

    // Returns the number of leaves below.
    std::size_t node(Ref ref, const Digest& stated, unsigned depth) {
        if (found_.fault != kSound) return 0;
        if (ref.kind() == kEmpty) {
            if (stated != Digest{}) fault(kWrongDigest, 0);
            return 0;
        }
        const Word position = ref.position();
        if (position < state_.horizon) fault(kBeforeHorizon, position);
        if (ref.kind() == kOpaque || (ref.kind() == kInner && depth == kDepth)) fault(kWrongShape, position);
        if (found_.fault != kSound) return 0;
        try {
            return ref.kind() == kLeaf ? leaf(ref, stated, depth) : inner(ref, stated, depth);
        } catch (const Damaged&) {
            fault(kUnreadable, position);
            return 0;
        }
    }

    std::size_t leaf(Ref ref, const Digest& stated, unsigned depth) {
        const Word* record = log_.leaf(ref);
        for (unsigned i = 0; i < depth; ++i) {
            if (digit(record, i) != path_[i]) fault(kWrongPlace, ref.position());
        }
        if (std::all_of(record + 4, record + kLeafWords, [](Word word) { return word == 0; })) {
            fault(kWrongShape, ref.position());
        }
        leaf_lanes(record, record + 4, expect(ref, stated));
        live_ += kLeafWords;
        ++leaves_;
        return 1;
    }

    std::size_t inner(Ref ref, const Digest& stated, unsigned depth) {
        const Inner record = log_.inner(ref);
        Word* lanes = expect(ref, stated);
        for (const Digest& digest : record.digests) lanes = std::copy(digest.begin(), digest.end(), lanes);
        live_ += inner_words(record.children);
        std::size_t below = 0;
        for (unsigned i = 0; i < 4; ++i) {
            path_[depth] = i;
            below += node(record.children[i], record.digests[i], depth + 1);
        }
        if (below < 2) fault(kWrongShape, ref.position());
        return below;
    }

    // Room for the 16 lanes whose digest must be the stated one.
    Word* expect(Ref ref, const Digest& stated) {
        if (stated_.size() == kTogether) flush();
        stated_.push_back(stated);
        positions_.push_back(ref.position());
        lanes_.resize(16 * stated_.size());
        return &lanes_[lanes_.size() - 16];
    }

    void flush() {
        std::vector<Digest> digests(stated_.size());
        compress_(lanes_.data(), digests.data()->data(), digests.size());
        for (std::size_t i = 0; i < digests.size(); ++i) {
            if (digests[i] != stated_[i]) fault(kWrongDigest, positions_[i]);
        }
        stated_.clear();
        positions_.clear();
        lanes_.clear();
    }

    const Log& log_;
    const State& state_;
    BatchCompress compress_;
    Finding found_{kSound, 0};
    std::array<unsigned, kDepth> path_{};
    std::vector<Digest> stated_;
    std::vector<Word> positions_;
    std::vector<Word> lanes_;
    Word leaves_ = 0;
    Word live_ = 0;
};

}  // namespace

std::vector<std::uint32_t> partial(const Log& log, const State& state, const std::vector<const Word*>& keys) {
    const Ref root(state.root);
    Partial section(log);
    section.put(section.kind(root, keys.size()));
    section.node(root, state.digest.data(), 0, keys);
    return section.take();
}

std::vector<Word> leaves_from(const Log& log, const State& state, const Word* from, std::size_t limit) {
    Leaves leaves(log, from, limit);
    leaves.collect(Ref(state.root), 0, true);
    return leaves.take();
}

Finding check(const Log& log, const State& state, BatchCompress compress) { return Check(log, state, compress).run(); }

}  // namespace hm::state_tree
