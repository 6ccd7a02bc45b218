// The sweep copies what lives to the end of the log, a piece with every version, so that the beginning can be dropped.
#include <algorithm>

#include "state_tree.hpp"

namespace hm::state_tree {

namespace {

class Sweep {
  public:
    Sweep(const Log& log, Tail& tail, State& state, std::uint64_t budget)
        : log_(log), tail_(tail), state_(state), left_(budget) {}

    // Returns the place of the node after the copy; `bounded`: leaves before the cursor may lie below it.
    Ref copy(Ref ref, unsigned depth, bool bounded) {
        if (ref.kind() == kLeaf) return ref.position() < state_.sweep_start ? move_leaf(ref) : ref;
        if (depth == kDepth) throw Damaged{};
        Inner node = log_.inner(ref);
        bool changed = ref.position() < state_.sweep_start;
        const unsigned first = bounded ? digit(state_.cursor.data(), depth) : 0;
        for (unsigned i = first; i < 4 && !stopped_; ++i) {
            if (node.children[i].kind() == kEmpty) continue;
            set_digit(path_, depth, i);
            if (left_ == 0) {
                stop(depth);
                break;
            }
            const Ref copied = copy(node.children[i], depth + 1, bounded && i == first);
            changed = changed || copied.word != node.children[i].word;
            node.children[i] = copied;
        }
        if (!changed) return ref;
        const std::size_t words = inner_words(node.children);
        const Word position = tail_.allocate(words);
        write_inner(tail_.at(position), node);
        spend(words);
        return Ref(position, kInner);
    }

    bool stopped() const { return stopped_; }

  private:
    static void set_digit(Key& key, unsigned depth, Word value) {
        const unsigned shift = 2 * (depth & 31);
        key[depth >> 5] = (key[depth >> 5] & ~(Word{3} << shift)) | value << shift;
    }

    // The next sweep begins at the node that `path_` leads to.
    void stop(unsigned depth) {
        stopped_ = true;
        state_.cursor = path_;
        for (unsigned below = depth + 1; below < kDepth; ++below) set_digit(state_.cursor, below, 0);
    }

    void spend(std::size_t words) { left_ -= std::min<std::uint64_t>(left_, words); }

    Ref move_leaf(Ref ref) {
        const Word* leaf = log_.leaf(ref);
        const Word position = tail_.allocate(kLeafWords);
        std::copy_n(leaf, kLeafWords, tail_.at(position));
        spend(kLeafWords);
        return Ref(position, kLeaf);
    }

    const Log& log_;
    Tail& tail_;
    State& state_;
    std::uint64_t left_;
    Key path_{};
    bool stopped_ = false;
};

}  // namespace

void sweep(Log& log, Tail& tail, State& state, std::uint64_t budget) {
    log.set_end(tail.position());
    Sweep run(log, tail, state, budget);
    if (Ref(state.root).kind() != kEmpty) state.root = run.copy(Ref(state.root), 0, true).word;
    state.tail = tail.position();
    if (run.stopped()) return;
    state.horizon = state.sweep_start;
    state.cursor = {};
    state.sweeping = 0;
}

}  // namespace hm::state_tree
