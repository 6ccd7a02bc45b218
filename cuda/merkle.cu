// Mixed-height Merkle trees: leaves, nodes, joins, and the proof of work, all with C(x) = trunc4(P(x) + x).
#include "launch.cuh"
#include "poseidon2.cuh"

namespace {

using namespace gpu;

// Tags of proving/hash/tags.py.
constexpr u64 kLeafTag = 1;
constexpr u64 kJoinTag = 2;
constexpr u64 kGrindTag = 6;

constexpr u32 kDigest = 4;
constexpr u32 kRate = 12;

__constant__ RoundConstants<16> constants = make_round_constants<16>();

}  // namespace

// hash_rows
// Computes: the fixed-length hash of every row of a matrix under tag LEAF.
// Layout:   columns: `width` pointers to columns of `rows` words -> digests (rows, 4).
// Launch:   one thread per row, block of 128; neighbouring threads read neighbouring words of a column.
// Moves:    8 width + 32 bytes per row.
// Does:     ceil(width / 12) compressions of 21.5 thousand instructions per row; the loads are hidden in them.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128, 4)
    hash_rows(const u64* const* columns, u64 width, u64 rows, u64* digests) {
    const u64 row = global_thread();
    if (row >= rows) return;
    u64 state[16] = {kLeafTag, width, 0, 0};
    for (u64 first = 0; first < width; first += kRate) {
#pragma unroll
        for (u32 i = 0; i < kRate; ++i) state[kDigest + i] = first + i < width ? columns[first + i][row] : 0;
        compress(state, constants);
    }
#pragma unroll
    for (u32 i = 0; i < kDigest; ++i) digests[kDigest * row + i] = state[i];
}

// compress_nodes
// Computes: the compression of every node's four children.
// Layout:   children (4 count, 4) -> nodes (count, 4).
// Launch:   one thread per node, block of 128.
// Moves:    160 bytes per node.
// Does:     one compression.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128) compress_nodes(const u64* children, u64* nodes, u64 count) {
    const u64 at = global_thread();
    if (at >= count) return;
    u64 state[16];
#pragma unroll
    for (u32 i = 0; i < 16; ++i) state[i] = children[16 * at + i];
    compress(state, constants);
#pragma unroll
    for (u32 i = 0; i < kDigest; ++i) nodes[kDigest * at + i] = state[i];
}

// join_parts
// Computes: C(parts, zero padded to 12 || (JOIN, 0, 0, 0)) for every node of a level.
// Layout:   parts: two or three arrays of digests (count >> shift, 4), the third null when there are two; part p of node
//           i is digest i >> shift_p -> nodes (count, 4).
// Launch:   one thread per node, block of 128.
// Moves:    at most 128 bytes per node.
// Does:     one compression.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    join_parts(const u64* first, u64 first_shift, const u64* second, u64 second_shift, const u64* third,
               u64 third_shift, u64 count, u64* nodes) {
    const u64 at = global_thread();
    if (at >= count) return;
    u64 state[16];
#pragma unroll
    for (u32 i = 0; i < kDigest; ++i) {
        state[i] = first[kDigest * (at >> first_shift) + i];
        state[kDigest + i] = second[kDigest * (at >> second_shift) + i];
        state[2 * kDigest + i] = third == nullptr ? 0 : third[kDigest * (at >> third_shift) + i];
        state[3 * kDigest + i] = i == 0 ? kJoinTag : 0;
    }
    compress(state, constants);
#pragma unroll
    for (u32 i = 0; i < kDigest; ++i) nodes[kDigest * at + i] = state[i];
}

// grind
// Computes: the smallest nonce from `start` on, of one per thread, for which lane 0 of C(state || (GRIND, nonce, 0...))
//           is zero under `mask`.
// Layout:   found: one word, the smallest nonce so far or all ones.
// Launch:   one thread per nonce, block of 128; the host launches wave after wave until `found` changes.
// Moves:    nothing to speak of.
// Does:     one permutation.
// Limit:    instruction issue.
extern "C" __global__ void __launch_bounds__(128)
    grind(u64 state0, u64 state1, u64 state2, u64 state3, u64 mask, u64 start, u64* found) {
    const u64 nonce = start + global_thread();
    u64 state[16] = {state0, state1, state2, state3, kGrindTag, nonce};
    compress(state, constants);
    if ((state[0] & mask) == 0) atomicMin(found, nonce);
}

// gather_rows
// Computes: the rows of a matrix that queries ask for.
// Layout:   columns: `width` pointers; indices (queries); the row of query q is indices[q] >> shift -> out (queries, width).
// Launch:   one thread per (query, column), block of 128.
// Moves:    16 bytes per element, in sectors of 32.
// Limit:    latency; a proof asks for a hundred rows.
extern "C" __global__ void __launch_bounds__(128)
    gather_rows(const u64* const* columns, u64 width, const u64* indices, u64 shift, u64 queries, u64* out) {
    const u64 at = global_thread();
    if (at >= queries * width) return;
    out[at] = columns[at % width][indices[at / width] >> shift];
}

// gather_siblings
// Computes: the three siblings of the nodes on the paths of queries, at one level.
// Layout:   digests (nodes, 4); the node of query q is indices[q] >> shift -> out (queries, 3, 4), `stride` words from
//           query to query.
// Launch:   one thread per word, block of 128.
// Moves:    16 bytes per word, in sectors of 32.
// Limit:    latency.
extern "C" __global__ void __launch_bounds__(128)
    gather_siblings(const u64* digests, const u64* indices, u64 shift, u64 queries, u64 stride, u64* out) {
    const u64 at = global_thread();
    if (at >= queries * 12) return;
    const u64 query = at / 12;
    const u64 sibling = at % 12 / kDigest;
    const u64 node = indices[query] >> shift;
    const u64 place = node & 3;
    const u64 child = (node - place) + sibling + (sibling >= place ? 1 : 0);
    out[query * stride + at % 12] = digests[kDigest * child + at % kDigest];
}
