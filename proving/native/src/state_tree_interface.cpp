// The C interface of the state tree; core/state_tree/native.py is its other side.
#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "export.hpp"
#include "state_tree.hpp"

namespace {

using namespace hm::state_tree;

// Words of the log for each that lives, at which it is time to copy.
constexpr Word kSweepAt = 3;

// What an operation made: chunks, or words.
struct Result {
    std::unique_ptr<Log> log;
    std::unique_ptr<Tail> tail;
    std::vector<Word> words;
    std::vector<std::uint32_t> half_words;
};

template <class Operation>
int guarded(Operation&& operation) {
    try {
        return operation();
    } catch (const Damaged&) {
        return kDamaged;
    } catch (const std::bad_alloc&) {
        return kOutOfMemory;
    }
}

// Runs an operation that fills a result; returns null and its status when it fails.
template <class Operation>
Result* made(int* status, Operation&& operation) {
    std::unique_ptr<Result> result;
    *status = guarded([&] {
        result = std::make_unique<Result>();
        return operation(*result);
    });
    return *status == kFine ? result.release() : nullptr;
}

}  // namespace

extern "C" {

// Writes a version: count keys (4 words) and values (5 words) over `state`, which becomes the new one. Where the log
// holds `garbage` words more than kSweepAt times those that live, a sweep begins; a running one copies as much as the
// update wrote. Array i of the result is chunk chunk_of(old tail) + i.
HM_EXPORT Result* hm_state_tree_update(const Chunks* chunks, State* state, const Word* keys, const Word* values,
                                       std::size_t count, std::uint64_t garbage, BatchCompress compress, int* status) {
    return made(status, [&](Result& result) -> int {
        State next = *state;
        result.log = std::make_unique<Log>(*chunks, next.tail);
        result.tail = std::make_unique<Tail>(*result.log, next.tail);
        const Word before = words_before(next.tail);
        const Status found = update(*result.log, *result.tail, next, {keys, values, count}, compress);
        if (found != kFine) return found;
        const Word now = words_before(next.tail);
        const Word held = now - words_before(next.horizon);
        if (next.sweeping == 0 && held > garbage && held - garbage > kSweepAt * next.live) {
            next.sweeping = 1;
            next.sweep_start = next.tail;
        }
        if (next.sweeping != 0) sweep(*result.log, *result.tail, next, now - before);
        result.tail->finish();
        *state = next;
        return kFine;
    });
}

// Values of count keys: 5 words each, zeros where the tree has no leaf; present[i] says whether it has one.
HM_EXPORT int hm_state_tree_find(const Chunks* chunks, const State* state, const Word* keys, std::size_t count,
                                 Word* values, std::uint8_t* present) {
    return guarded([&] {
        const Log log(*chunks, state->tail);
        for (std::size_t i = 0; i < count; ++i) {
            const Word* leaf = find(log, Ref(state->root), keys + 4 * i);
            present[i] = leaf != nullptr;
            if (leaf != nullptr) std::copy(leaf + 4, leaf + kLeafWords, values + 5 * i);
            else std::fill_n(values + 5 * i, 5, 0);
        }
        return kFine;
    });
}

// The tree section for count keys, in any order.
HM_EXPORT Result* hm_state_tree_partial(const Chunks* chunks, const State* state, const Word* keys, std::size_t count,
                                        int* status) {
    return made(status, [&](Result& result) {
        const Log log(*chunks, state->tail);
        std::vector<const Word*> sorted(count);
        for (std::size_t i = 0; i < count; ++i) sorted[i] = keys + 4 * i;
        std::sort(sorted.begin(), sorted.end(),
                  [](const Word* a, const Word* b) { return digits_first(a) < digits_first(b); });
        result.half_words = partial(log, *state, sorted);
        return kFine;
    });
}

// Up to `limit` leaf records (9 words each) from a key on.
HM_EXPORT Result* hm_state_tree_leaves(const Chunks* chunks, const State* state, const Word* from, std::size_t limit,
                                       int* status) {
    return made(status, [&](Result& result) {
        const Log log(*chunks, state->tail);
        result.words = leaves_from(log, *state, from, limit);
        return kFine;
    });
}

// Checks a whole version.
HM_EXPORT int hm_state_tree_check(const Chunks* chunks, const State* state, BatchCompress compress, Finding* finding) {
    return guarded([&] {
        const Log log(*chunks, state->tail);
        *finding = check(log, *state, compress);
        return kFine;
    });
}

// Sorts count keys into the order of the tree.
HM_EXPORT int hm_state_tree_order(const Word* keys, std::size_t count, std::uint64_t* order) {
    return guarded([&] {
        std::vector<Word> first(count);
        for (std::size_t i = 0; i < count; ++i) first[i] = digits_first(keys + 4 * i)[0];
        for (std::size_t i = 0; i < count; ++i) order[i] = i;
        std::sort(order, order + count, [&](Word a, Word b) { return first[a] < first[b]; });
        return kFine;
    });
}

// Takes the chunks, which are a file's, out of this process's memory until they are read again.
HM_EXPORT void hm_state_tree_unmap(const Chunks* chunks) {
    for (std::size_t i = 0; i < chunks->count; ++i) {
        if (chunks->content[i] == nullptr) continue;
        // A page's header stands before each chunk.
        auto* page = const_cast<Word*>(chunks->content[i]) - kHeaderWords;
        madvise(page, 8 * (kHeaderWords + kChunkWords), MADV_DONTNEED);
    }
}

// Array number `which`, in bytes: a chunk of an update, or the only one of another result.
HM_EXPORT std::size_t hm_state_tree_array(const Result* result, int which, const void** data) {
    if (result->tail) {
        const auto index = static_cast<std::size_t>(which);
        if (index >= result->tail->count()) return 0;
        *data = result->tail->chunk(index);
        return result->tail->size(index) * sizeof(Word);
    }
    if (!result->half_words.empty()) {
        *data = result->half_words.data();
        return result->half_words.size() * sizeof(std::uint32_t);
    }
    *data = result->words.data();
    return result->words.size() * sizeof(Word);
}

HM_EXPORT void hm_state_tree_free(const Result* result) { delete result; }

}  // extern "C"
