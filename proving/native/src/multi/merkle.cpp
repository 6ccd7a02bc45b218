// Hashing for mixed-height Merkle trees: rows of column-major matrices, and joins of parts of a node.
#include "export.hpp"
#include "hash/poseidon2_packed.hpp"
#include "parallel.hpp"

namespace {

using namespace hm;

using u64 = std::uint64_t;
using std::size_t;

constexpr size_t kLanes = Packed::kLanes;
constexpr unsigned kBatches = kLanes == 1 ? 1 : 2;
constexpr size_t kTogether = kBatches * kLanes;

constexpr u64 kLeafTag = 1;
constexpr u64 kJoinTag = 2;

// C(x) = trunc4(P(x) + x) on the first four elements, which are canonical before and after.
template <unsigned width>
void compress_in_place(Vector (&states)[kBatches][width]) {
    Vector inputs[kBatches][4];
    for (unsigned b = 0; b < kBatches; ++b)
        for (unsigned i = 0; i < 4; ++i) inputs[b][i] = states[b][i];
    poseidon2_permute<width, kBatches>(states);
    for (unsigned b = 0; b < kBatches; ++b)
        for (unsigned i = 0; i < 4; ++i) states[b][i] = canonical(add_loose(states[b][i], inputs[b][i]));
}

template <unsigned width>
void store_digests(const Vector (&states)[kBatches][width], u64* out) {
    u64 lanes[kLanes];
    for (unsigned b = 0; b < kBatches; ++b) {
        for (unsigned i = 0; i < 4; ++i) {
            vector_store(lanes, states[b][i]);
            for (size_t l = 0; l < kLanes; ++l) out[(b * kLanes + l) * 4 + i] = lanes[l];
        }
    }
}

// Where the hash of a row starts: from the tag and the length of the message, or from what `out` holds of its first blocks.
template <unsigned width>
void hash_row(const u64* const* columns, size_t count, size_t row, u64* out, size_t length, bool resumed) {
    Fp state[width];
    state[0] = Fp(kLeafTag);
    state[1] = Fp(length);
    if (resumed)
        for (unsigned i = 0; i < 4; ++i) state[i] = Fp(out[i]);
    for (size_t at = 0; at < count; at += width - 4) {
        for (size_t i = 0; i < width - 4; ++i) state[4 + i] = Fp(at + i < count ? columns[at + i][row] : 0);
        const Fp inputs[4] = {state[0], state[1], state[2], state[3]};
        poseidon2_permute<width>(state);
        for (unsigned i = 0; i < 4; ++i) state[i] += inputs[i];
    }
    for (unsigned i = 0; i < 4; ++i) out[i] = state[i].value;
}

template <unsigned width>
void load_digests(Vector (&states)[kBatches][width], const u64* from) {
    u64 lanes[kLanes];
    for (unsigned b = 0; b < kBatches; ++b) {
        for (unsigned i = 0; i < 4; ++i) {
            for (size_t l = 0; l < kLanes; ++l) lanes[l] = from[(b * kLanes + l) * 4 + i];
            states[b][i] = vector_load(lanes);
        }
    }
}

// The fixed-length hash of every row of `length` elements under tag LEAF, neighbouring rows in neighbouring lanes: of its
// first `count` columns, or where it is resumed of the next ones.
template <unsigned width>
void hash_matrix_rows(const u64* const* columns, size_t count, size_t rows, u64* digests, size_t length, bool resumed) {
    const size_t full = rows / kTogether;
    parallel_for(full, 16, [=](size_t begin, size_t end) {
        for (size_t at = begin; at < end; ++at) {
            const size_t row = at * kTogether;
            Vector states[kBatches][width];
            for (auto& state : states) {
                state[0] = vector_broadcast(kLeafTag);
                state[1] = vector_broadcast(length);
                state[2] = state[3] = vector_broadcast(0);
            }
            if (resumed) load_digests<width>(states, digests + 4 * row);
            for (size_t block = 0; block < count; block += width - 4) {
                for (size_t i = 0; i < width - 4; ++i) {
                    for (unsigned b = 0; b < kBatches; ++b)
                        states[b][4 + i] = block + i < count ? vector_load(columns[block + i] + row + b * kLanes)
                                                             : vector_broadcast(0);
                }
                compress_in_place<width>(states);
            }
            store_digests<width>(states, digests + 4 * row);
        }
    });
    for (size_t row = full * kTogether; row < rows; ++row)
        hash_row<width>(columns, count, row, digests + 4 * row, length, resumed);
}

}  // namespace

// columns: pointers to `count` columns of `rows` elements -> (rows, 4) digests, hash of width 16 (rate 12).
extern "C" HM_EXPORT void HM_NAME(hm_hash_matrix16)(const u64* const* columns, size_t count, size_t rows,
                                                   u64* digests) {
    hash_matrix_rows<16>(columns, count, rows, digests, count, false);
}

// The same of rows of `length` elements, some columns at a time: all but the last are whole blocks of 12. resumed: whether these
// are not the first; digests then holds what was hashed before.
extern "C" HM_EXPORT void HM_NAME(hm_hash_columns16)(const u64* const* columns, size_t count, size_t rows,
                                                    u64* digests, size_t length, int resumed) {
    hash_matrix_rows<16>(columns, count, rows, digests, length, resumed != 0);
}

// The same with width 12 (rate 8), for hash shape B.
extern "C" HM_EXPORT void HM_NAME(hm_hash_matrix12)(const u64* const* columns, size_t count, size_t rows,
                                                   u64* digests) {
    hash_matrix_rows<12>(columns, count, rows, digests, count, false);
}

// Joins 2 or 3 parts of each of `count` nodes: out[i] = C(parts, zero padded to 12 || (JOIN, 0, 0, 0)), where part p of
// node i is digest i >> shifts[p] of parts[p].
extern "C" HM_EXPORT void HM_NAME(hm_merkle_join)(const u64* const* parts, const u64* shifts, size_t part_count,
                                                 size_t count, u64* out) {
    const size_t full = count / kTogether;
    parallel_for(full, 16, [=](size_t begin, size_t end) {
        u64 lanes[kTogether];
        for (size_t at = begin; at < end; ++at) {
            Vector states[kBatches][16];
            for (auto& state : states) {
                for (Vector& x : state) x = vector_broadcast(0);
                state[12] = vector_broadcast(kJoinTag);
            }
            for (size_t p = 0; p < part_count; ++p) {
                for (size_t i = 0; i < 4; ++i) {
                    for (size_t l = 0; l < kTogether; ++l)
                        lanes[l] = parts[p][4 * ((at * kTogether + l) >> shifts[p]) + i];
                    for (unsigned b = 0; b < kBatches; ++b) states[b][4 * p + i] = vector_load(lanes + b * kLanes);
                }
            }
            compress_in_place<16>(states);
            store_digests<16>(states, out + 4 * at * kTogether);
        }
    });
    for (size_t at = full * kTogether; at < count; ++at) {
        u64 state[16] = {};
        for (size_t p = 0; p < part_count; ++p)
            for (size_t i = 0; i < 4; ++i) state[4 * p + i] = parts[p][4 * (at >> shifts[p]) + i];
        state[12] = kJoinTag;
        compress16(state, out + 4 * at);
    }
}
