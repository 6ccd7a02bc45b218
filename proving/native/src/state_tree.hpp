// The state tree of a rollup (docs/state_transition.md, section 2) as a log of records that are never changed: an update
// writes the nodes on the paths of what it changes, and every earlier root stays readable (docs/decisions/0021).
//
// The log is a sequence of chunks of kChunkWords words. A record lies within one chunk:
//   leaf    key (4 words), nonce, balance (4 words, low first)
//   inner   kinds of the four children (2 bits each), then for each child that is not empty its reference and digest
// A reference is the record's position and its kind.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace hm::state_tree {

using Word = std::uint64_t;
using Digest = std::array<Word, 4>;
using Key = std::array<Word, 4>;
using BatchCompress = void (*)(const Word* in, Word* out, std::size_t count);

// Kinds of nodes; the partial tree of a witness input writes the same numbers, and kOpaque.
enum Kind : unsigned { kEmpty = 0, kLeaf = 1, kInner = 2, kOpaque = 3 };

inline constexpr unsigned kDepth = 128;
// 64 pages of LMDB, of which the first one has a header of two words. Values of a page or more have pages of their own,
// which never move.
inline constexpr std::size_t kPageWords = 512;
inline constexpr std::size_t kHeaderWords = 2;
inline constexpr std::size_t kChunkWords = 64 * kPageWords - kHeaderWords;
inline constexpr std::size_t kLeafWords = 9;
// Lane 14 of a leaf's compression: proving.hash.Tag.ACCOUNT.
inline constexpr Word kAccountTag = 8;

constexpr Word chunk_of(Word position) { return position >> 15; }
constexpr Word offset_of(Word position) { return position & 0x7fff; }
// Words of the log before a position.
constexpr Word words_before(Word position) { return chunk_of(position) * kChunkWords + offset_of(position); }

struct Ref {
    Word word = 0;
    Ref() = default;
    explicit constexpr Ref(Word packed) : word(packed) {}
    constexpr Ref(Word position, Kind kind) : word(position << 2 | kind) {}
    constexpr Kind kind() const { return static_cast<Kind>(word & 3); }
    constexpr Word position() const { return word >> 2; }
};

constexpr unsigned digit(const Word* key, unsigned depth) { return key[depth >> 5] >> (2 * (depth & 31)) & 3; }
// The order of leaves in the tree: a key with its digits from the highest bits down.
Key digits_first(const Word* key);

// Everything that is to be known of one version; stored as it stands.
struct State {
    Word root;
    Digest digest;
    Word leaves;
    Word live;         // words of the records that this version reaches
    Word tail;         // position behind the last record
    Word horizon;      // this version reaches no record before it
    Word sweep_start;  // records that the sweep has passed lie behind it
    Key cursor;        // where the sweep goes on
    Word sweeping;
};
inline constexpr std::size_t kStateWords = sizeof(State) / sizeof(Word);

// What is wrong with a call or with the log.
enum Status : int { kFine = 0, kOutOfMemory, kDamaged, kDuplicate, kLeavesState };
struct Damaged {};

// An inner node, unpacked.
struct Inner {
    std::array<Ref, 4> children;
    std::array<Digest, 4> digests;
};
constexpr std::size_t inner_words(const std::array<Ref, 4>& children) {
    std::size_t words = 1;
    for (const Ref child : children) words += child.kind() == kEmpty ? 0 : 5;
    return words;
}
void write_inner(Word* out, const Inner& node);

// Where the chunks of a log lie, from number `first` on; null for one that is not there.
struct Chunks {
    const Word* const* content;
    std::size_t count;
    std::size_t first;
};

// Read access to the chunks. A position that no record can have is Damaged; a record's content is not checked.
class Log {
  public:
    Log(const Chunks& chunks, Word end)
        : chunks_(chunks.content, chunks.content + chunks.count), first_(chunks.first), end_(end) {}

    // The words of a record, which lies before the end.
    const Word* at(Word position, std::size_t words) const {
        const Word chunk = chunk_of(position) - first_;  // one before the first is beyond the last
        if (position + words > end_ || offset_of(position) + words > kChunkWords || chunk >= chunks_.size() ||
            chunks_[chunk] == nullptr) {
            throw Damaged{};
        }
        return chunks_[chunk] + offset_of(position);
    }

    const Word* leaf(Ref ref) const { return at(ref.position(), kLeafWords); }
    Inner inner(Ref ref) const;
    std::size_t inner_size(Ref ref) const;
    void set(std::size_t chunk, const Word* content) {
        chunk -= first_;
        if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
        chunks_[chunk] = content;
    }
    void set_end(Word end) { end_ = end; }

  private:
    std::vector<const Word*> chunks_;
    std::size_t first_;
    Word end_;
};

// The end of the log, to which records are added; the chunk that was begun before is copied.
class Tail {
  public:
    Tail(Log& log, Word position);

    Word allocate(std::size_t words);
    Word* at(Word position) { return chunks_[chunk_of(position) - first_].get() + offset_of(position); }
    Word position() const { return position_; }
    std::size_t first() const { return first_; }
    std::size_t count() const { return chunks_.size(); }
    const Word* chunk(std::size_t index) const { return chunks_[index].get(); }
    // Words of a chunk, the last one filled with zeros to a whole page of the store.
    std::size_t size(std::size_t index) const;
    // Clears what is behind the last record.
    void finish();

  private:
    void add_chunk();

    Log& log_;
    Word position_;
    std::size_t first_;
    std::vector<std::unique_ptr<Word[]>> chunks_;
};

// The record of a key's leaf, or null where the tree has none.
const Word* find(const Log& log, Ref root, const Word* key);

// Account values to be written: keys (4 words each) and nonce with balance (5 words each).
struct Changes {
    const Word* keys;
    const Word* values;
    std::size_t count;
    const Word* key(std::size_t i) const { return keys + 4 * i; }
    const Word* value(std::size_t i) const { return values + 5 * i; }
};

// The 16 lanes whose compression is a leaf's digest.
void leaf_lanes(const Word* key, const Word* value, Word* lanes);

// Writes a version that follows `state`, which becomes its state.
Status update(const Log& log, Tail& tail, State& state, const Changes& changes, BatchCompress compress);

// Copies live records behind the sweep's start, from its cursor on, until about `budget` words are written; the
// digests of the tree stay. At the end of a sweep nothing before its start is reached any more.
void sweep(Log& log, Tail& tail, State& state, std::uint64_t budget);

// The tree section of a witness input: the paths of some keys, in the order of the tree.
std::vector<std::uint32_t> partial(const Log& log, const State& state, const std::vector<const Word*>& keys);

// Up to `limit` leaf records in the order of the tree, from the key `from` on, one after the other.
std::vector<Word> leaves_from(const Log& log, const State& state, const Word* from, std::size_t limit);

// What is wrong with a version: a code and the position of the record.
enum Fault : Word { kSound = 0, kUnreadable, kBeforeHorizon, kWrongPlace, kWrongDigest, kWrongShape, kWrongCount };
struct Finding {
    Word fault;
    Word position;
};
// Reads every record of a version and hashes it again.
Finding check(const Log& log, const State& state, BatchCompress compress);

}  // namespace hm::state_tree
