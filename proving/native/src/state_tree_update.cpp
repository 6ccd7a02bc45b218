// A bulk of changes in four passes over the nodes that it touches: their shape, their digests level by level, their
// places in the log, their records. Shape and records are made on all threads, a subtree each.
#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <numeric>
#include <span>

#include "parallel.hpp"
#include "state_tree.hpp"

namespace hm::state_tree {

namespace {

// Changes below which a bulk is not worth a second thread.
constexpr std::size_t kParallelChanges = 512;
// Subtrees that a bulk is cut into.
constexpr std::size_t kSubtrees = 64;

constexpr std::uint32_t kNobody = ~std::uint32_t{0};

using Order = std::span<const std::uint32_t>;

// A child that is written with its parent, in one of the arenas of its subtree; or one that stays as it is.
enum Where : std::uint8_t { kStays, kHere, kSubtree };

struct NewInner {
    std::array<Digest, 4> digests;  // as they are hashed
    std::array<Ref, 4> children;    // the place is known once the children have theirs
    std::array<std::uint32_t, 4> index;
    std::array<Where, 4> where;
    std::uint32_t parent;
    std::uint8_t slot;
    Word position;
};

struct NewLeaf {
    std::uint32_t change;
    std::uint32_t parent;
    std::uint8_t slot;
    Word position;
};

// Where a subtree begins: an old node and the changes below it.
struct Task {
    Ref ref;
    unsigned depth;
    Order order;
    std::uint32_t parent;
    std::uint8_t slot;
};

struct Subtree {
    std::vector<NewInner> inners;
    std::vector<NewLeaf> leaves;
    std::vector<std::vector<std::uint32_t>> levels;  // inner nodes by depth
    Kind root_kind = kEmpty;
    Word replaced = 0;  // words of old records that the new version does not reach
    Word added = 0;     // leaves
};

class Shape {
  public:
    // Subtrees with at most `grain` changes become tasks, where there is a list for them.
    Shape(const Log& log, const Changes& changes, Subtree& out, std::size_t grain, std::vector<Task>* tasks)
        : log_(log), changes_(changes), out_(out), grain_(grain), tasks_(tasks) {}

    // Returns the kind of what stands in place of `ref`; `order` is not empty.
    Kind build(Ref ref, unsigned depth, Order order, std::uint32_t parent, std::uint8_t slot) {
        if (tasks_ != nullptr && parent != kNobody && order.size() <= grain_) {
            NewInner& above = out_.inners[parent];
            above.where[slot] = kSubtree;
            above.index[slot] = static_cast<std::uint32_t>(tasks_->size());
            tasks_->push_back({ref, depth, order, parent, slot});
            return kOpaque;
        }
        if (ref.kind() == kInner) {
            const Inner old = log_.inner(ref);
            out_.replaced += inner_words(old.children);
            return split(old, depth, order, parent, slot);
        }
        if (order.size() == 1 && (ref.kind() == kEmpty || same_key(ref, order[0]))) {
            if (ref.kind() == kLeaf) {
                out_.replaced += kLeafWords;
            } else {
                ++out_.added;
            }
            link(parent, slot, out_.leaves.size());
            out_.leaves.push_back({order[0], parent, slot, 0});
            return kLeaf;
        }
        Inner made{};
        if (ref.kind() == kLeaf) {
            const Word* leaf = log_.leaf(ref);
            made.children[digit(leaf, depth)] = ref;
            made.digests[digit(leaf, depth)] = old_digest_;
        }
        return split(made, depth, order, parent, slot);
    }

    // The digest of the node that build() gets, which a leaf takes along when it moves down.
    void set_digest(const Digest& digest) { old_digest_ = digest; }

  private:
    bool same_key(Ref leaf, std::uint32_t change) const {
        return std::memcmp(log_.leaf(leaf), changes_.key(change), sizeof(Key)) == 0;
    }

    void link(std::uint32_t parent, std::uint8_t slot, std::size_t index) {
        if (parent == kNobody) return;
        out_.inners[parent].where[slot] = kHere;
        out_.inners[parent].index[slot] = static_cast<std::uint32_t>(index);
    }

    Kind split(const Inner& old, unsigned depth, Order order, std::uint32_t parent, std::uint8_t slot) {
        const auto self = static_cast<std::uint32_t>(out_.inners.size());
        link(parent, slot, self);
        out_.inners.push_back({old.digests, old.children, {}, {}, parent, slot, 0});
        if (out_.levels.size() <= depth) out_.levels.resize(depth + 1);
        out_.levels[depth].push_back(self);
        for (unsigned i = 0; i < 4; ++i) {
            const auto end = std::partition_point(
                order.begin(), order.end(), [&](std::uint32_t change) { return digit(changes_.key(change), depth) <= i; });
            const Order below(order.begin(), end);
            order = Order(end, order.end());
            if (below.empty()) continue;
            old_digest_ = old.digests[i];
            const Kind kind = build(old.children[i], depth + 1, below, self, static_cast<std::uint8_t>(i));
            // A subtree of its own is linked when it is there.
            if (kind != kOpaque) out_.inners[self].children[i] = Ref(0, kind);
        }
        return kInner;
    }

    const Log& log_;
    const Changes& changes_;
    Subtree& out_;
    std::size_t grain_;
    std::vector<Task>* tasks_;
    Digest old_digest_{};
};

// Runs body(i) for i in [0, count) on all threads; an exception of one of them is thrown when all have ended.
template <class Body>
void for_each(std::size_t count, Body&& body) {
    std::exception_ptr first;
    std::mutex guard;
    parallel_for(count, 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            try {
                body(i);
            } catch (...) {
                const std::lock_guard lock(guard);
                if (!first) first = std::current_exception();
            }
        }
    });
    if (first) std::rethrow_exception(first);
}

class Update {
  public:
    Update(const Log& log, Tail& tail, State& state, const Changes& changes, BatchCompress compress)
        : log_(log), tail_(tail), state_(state), changes_(changes), compress_(compress) {}

    Status run() {
        if (const Status found = sort(); found != kFine) return found;
        if (order_.empty()) return kFine;
        shape();
        hash();
        place();
        write();
        return kFine;
    }

  private:
    // Changes in the order of the tree, without those that set nothing to nothing.
    Status sort() {
        std::vector<Key> keys(changes_.count);
        for (std::size_t i = 0; i < changes_.count; ++i) keys[i] = digits_first(changes_.key(i));
        order_.resize(changes_.count);
        std::iota(order_.begin(), order_.end(), 0);
        std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) { return keys[a] < keys[b]; });
        const auto twice = std::adjacent_find(order_.begin(), order_.end(),
                                              [&](std::uint32_t a, std::uint32_t b) { return keys[a] == keys[b]; });
        if (twice != order_.end()) return kDuplicate;
        bool leaves = false;
        std::erase_if(order_, [&](std::uint32_t i) {
            const Word* value = changes_.value(i);
            if (std::any_of(value, value + 5, [](Word word) { return word != 0; })) return false;
            leaves = leaves || find(log_, Ref(state_.root), changes_.key(i)) != nullptr;
            return true;
        });
        return leaves ? kLeavesState : kFine;
    }

    void shape() {
        const std::size_t grain = std::max<std::size_t>(order_.size() / kSubtrees, 1);
        subtrees_.resize(1);
        Shape top(log_, changes_, subtrees_[0], grain, order_.size() < kParallelChanges ? nullptr : &tasks_);
        top.set_digest(state_.digest);
        subtrees_[0].root_kind = top.build(Ref(state_.root), 0, order_, kNobody, 0);
        subtrees_.resize(1 + tasks_.size());
        for_each(tasks_.size(), [&](std::size_t i) {
            const Task& task = tasks_[i];
            Shape below(log_, changes_, subtrees_[1 + i], 0, nullptr);
            below.set_digest(subtrees_[0].inners[task.parent].digests[task.slot]);
            subtrees_[1 + i].root_kind = below.build(task.ref, task.depth, task.order, kNobody, 0);
        });
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            subtrees_[0].inners[tasks_[i].parent].children[tasks_[i].slot] = Ref(0, subtrees_[1 + i].root_kind);
        }
    }

    // Where the digest of a subtree's node goes.
    Digest& above(std::size_t subtree, std::uint32_t parent, std::uint8_t slot) {
        if (parent != kNobody) return subtrees_[subtree].inners[parent].digests[slot];
        if (subtree == 0) return state_.digest;
        const Task& task = tasks_[subtree - 1];
        return subtrees_[0].inners[task.parent].digests[task.slot];
    }

    // Hashes `count(subtree)` nodes of every subtree in one batch.
    template <class Count, class Fill, class Take>
    void hash_all(Count&& count, Fill&& fill, Take&& take) {
        std::vector<std::size_t> first(subtrees_.size() + 1);
        for (std::size_t i = 0; i < subtrees_.size(); ++i) first[i + 1] = first[i] + count(subtrees_[i]);
        lanes_.resize(16 * first.back());
        digests_.resize(first.back());
        for_each(subtrees_.size(), [&](std::size_t i) {
            for (std::size_t j = first[i]; j < first[i + 1]; ++j) fill(subtrees_[i], j - first[i], &lanes_[16 * j]);
        });
        compress_(lanes_.data(), digests_.data()->data(), digests_.size());
        for_each(subtrees_.size(), [&](std::size_t i) {
            for (std::size_t j = first[i]; j < first[i + 1]; ++j) take(i, j - first[i], digests_[j]);
        });
    }

    void hash() {
        hash_all([](const Subtree& subtree) { return subtree.leaves.size(); },
                 [&](const Subtree& subtree, std::size_t i, Word* lanes) {
                     const std::uint32_t change = subtree.leaves[i].change;
                     leaf_lanes(changes_.key(change), changes_.value(change), lanes);
                 },
                 [&](std::size_t subtree, std::size_t i, const Digest& digest) {
                     const NewLeaf& leaf = subtrees_[subtree].leaves[i];
                     above(subtree, leaf.parent, leaf.slot) = digest;
                 });
        std::size_t depth = 0;
        for (const Subtree& subtree : subtrees_) depth = std::max(depth, subtree.levels.size());
        while (depth-- > 0) {
            hash_all([&](const Subtree& subtree) { return subtree.levels.size() > depth ? subtree.levels[depth].size() : 0; },
                     [&](const Subtree& subtree, std::size_t i, Word* lanes) {
                         std::memcpy(lanes, &subtree.inners[subtree.levels[depth][i]].digests, 16 * sizeof(Word));
                     },
                     [&](std::size_t subtree, std::size_t i, const Digest& digest) {
                         const NewInner& node = subtrees_[subtree].inners[subtrees_[subtree].levels[depth][i]];
                         above(subtree, node.parent, node.slot) = digest;
                     });
        }
    }

    // Gives every new node its place, children behind their parents, and returns the reference to the node.
    Ref place_node(std::size_t subtree, Kind kind, std::uint32_t index) {
        Subtree& in = subtrees_[subtree];
        if (kind == kLeaf) {
            in.leaves[index].position = tail_.allocate(kLeafWords);
            written_ += kLeafWords;
            return Ref(in.leaves[index].position, kLeaf);
        }
        NewInner& node = in.inners[index];
        const std::size_t words = inner_words(node.children);
        node.position = tail_.allocate(words);
        written_ += words;
        for (unsigned i = 0; i < 4; ++i) {
            if (node.where[i] == kHere) node.children[i] = place_node(subtree, node.children[i].kind(), node.index[i]);
            if (node.where[i] == kSubtree) {
                node.children[i] = place_node(1 + node.index[i], node.children[i].kind(), 0);
            }
        }
        return Ref(node.position, kInner);
    }

    void place() {
        state_.root = place_node(0, subtrees_[0].root_kind, 0).word;
        state_.tail = tail_.position();
        state_.live += written_;
        for (const Subtree& subtree : subtrees_) {
            state_.live -= subtree.replaced;
            state_.leaves += subtree.added;
        }
    }

    void write() {
        for_each(subtrees_.size(), [&](std::size_t i) {
            for (const NewInner& node : subtrees_[i].inners) write_inner(tail_.at(node.position), {node.children, node.digests});
            for (const NewLeaf& leaf : subtrees_[i].leaves) {
                Word* out = std::copy_n(changes_.key(leaf.change), 4, tail_.at(leaf.position));
                std::copy_n(changes_.value(leaf.change), 5, out);
            }
        });
    }

    const Log& log_;
    Tail& tail_;
    State& state_;
    const Changes& changes_;
    BatchCompress compress_;
    std::vector<std::uint32_t> order_;
    std::vector<Task> tasks_;
    std::vector<Subtree> subtrees_;  // the first one is the top of the tree
    std::vector<Word> lanes_;
    std::vector<Digest> digests_;
    Word written_ = 0;
};

}  // namespace

Status update(const Log& log, Tail& tail, State& state, const Changes& changes, BatchCompress compress) {
    return Update(log, tail, state, changes, compress).run();
}

}  // namespace hm::state_tree
