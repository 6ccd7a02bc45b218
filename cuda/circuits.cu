// Requests and wires to the traces of the basic circuits and of recursion. What a row holds is said by the headers of
// proving/native/src/expand, which the CPU's kernels are compiled from as well.
//
// Tables are column-major (columns, height), zero before. Where a request takes several rows, each is a thread of its own
// that computes the request's rounds up to it again: rounds are cheap beside a row's hundreds of cells, and neighbouring
// threads write neighbouring cells.
#include "expand/arith256_rows.hpp"
#include "expand/blake2s_rows.hpp"
#include "expand/chain_rows.hpp"
#include "expand/keccak_f_rows.hpp"
#include "expand/recursion_rows.hpp"
#include "expand/sha256_rows.hpp"
#include "launch.cuh"

namespace {

using gpu::u32;
using gpu::u64;
using namespace hm::expand;

__constant__ hm::rows::Constants poseidon2_constants = hm::rows::make_constants();
__constant__ hm::keccak::Constants keccak_constants{};
__constant__ sha256::Constants sha256_constants = sha256::make_constants();
__constant__ blake2s::Constants blake2s_constants = blake2s::kConstants;
__constant__ u32 nothing[kLongestRequest] = {};

struct RangeCounter {
    u64* rows;

    __device__ void range(std::size_t row) { atomicAdd(rows + row, 1ULL); }
};

__device__ Table table_at(u64* columns, u64 height) {
    return {reinterpret_cast<std::uint64_t*>(columns), static_cast<std::size_t>(height)};
}

__device__ const std::uint64_t* words_at(const u64* words) { return reinterpret_cast<const std::uint64_t*>(words); }

// The row of a table of turns.
template <class Turn, class Constants>
__device__ __forceinline__ void expand_row(Turn turn, u64 step, u64 row, const Request& request, u64* columns, u64 height,
                                           const Constants& constants) {
    for (u64 r = 1; r <= step; ++r) turn.advance(r, request.input, constants);
    const Table table = table_at(columns, height);
    turn.put(step, request, Cells(table, row));
}

}  // namespace

// expand_arith256
// Computes: the row of each request of 256-bit arithmetic, and counts its lookups.
// Layout:   inputs (count, 32) words of 32 bits -> columns; ranges (2^17) words. `blocks` of a request in the chain.
// Launch:   one thread per request, block of 64.
// Moves:    128 bytes, 182 cells of 8 bytes and 174 counts per request.
// Does:     a product of eight words by eight, a division, 1,500 products of limbs; numbers lie in local memory.
// Limit:    the counts.
extern "C" __global__ void __launch_bounds__(64)
    expand_arith256(const u32* inputs, u64 count, u64 blocks, u64* columns, u64 height, u64* ranges) {
    const u64 number = gpu::global_thread();
    if (number >= count) return;
    Lookups<RangeCounter> counts{{ranges}};
    table_at(columns, height)
        .put(number, arith256::cells(inputs + arith256::kInputWords * number, blocks * number, counts));
}

// expand_keccak_f
// Computes: the 48 rows of each permutation, and such of zeros behind them.
// Layout:   inputs (count, 50) words of 32 bits -> columns. `blocks` of a request in the chain.
// Launch:   one thread per row, block of 64.
// Moves:    200 bytes and 1,090 cells of 8 bytes per row.
// Does:     12 rounds on average, 150 instructions each.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(64)
    expand_keccak_f(const u32* inputs, u64 count, u64 blocks, u64* columns, u64 height) {
    const u64 row = gpu::global_thread();
    if (row >= height) return;
    const Request request = request_at(inputs, count, hm::keccak::kWords, blocks, row / keccak_f::kRows, nothing);
    const u64 round = row % keccak_f::kRows / 2;
    hm::keccak::State state = hm::keccak::load(request.input);
    for (u64 r = 0; r < round; ++r)
        state = hm::keccak::finished(hm::keccak::mixed(state, hm::keccak::parities(state)), r, keccak_constants);
    const Table table = table_at(columns, height);
    keccak_f::Round(state, round, keccak_constants).row(round, row % 2, request, Cells(table, row));
}

// expand_sha256
// Computes: the 18 rows of each compression, and such of zeros behind them.
// Layout:   inputs (count, 24) words of 32 bits -> columns. `blocks` of a request in the chain.
// Launch:   one thread per row, block of 64.
// Moves:    96 bytes and 448 cells of 8 bytes per row.
// Does:     32 rounds on average, 40 instructions each.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(64)
    expand_sha256(const u32* inputs, u64 count, u64 blocks, u64* columns, u64 height) {
    const u64 row = gpu::global_thread();
    if (row >= height) return;
    const Request request = request_at(inputs, count, sha256::kInputWords, blocks, row / sha256::kRows, nothing);
    expand_row(sha256::Turn(request.input), row % sha256::kRows, row, request, columns, height, sha256_constants);
}

// expand_blake2s
// Computes: the 22 rows of each compression, and such of zeros behind them.
// Layout:   inputs (count, 28) words of 32 bits -> columns. `blocks` of a request in the chain.
// Launch:   one thread per row, block of 64.
// Moves:    112 bytes and 840 cells of 8 bytes per row.
// Does:     10 half rounds on average, 150 instructions each.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(64)
    expand_blake2s(const u32* inputs, u64 count, u64 blocks, u64* columns, u64 height) {
    const u64 row = gpu::global_thread();
    if (row >= height) return;
    const Request request = request_at(inputs, count, blake2s::kInputWords, blocks, row / blake2s::kRows, nothing);
    expand_row(blake2s::Turn(), row % blake2s::kRows, row, request, columns, height, blake2s_constants);
}

// expand_chain
// Computes: the eight rows of each compression of a request chain; behind the last one such that absorb nothing.
// Layout:   absorbed (count, 12), digests (count + 1, 4) -> columns.
// Launch:   one thread per compression, `height` / 8 of them, block of 64.
// Moves:    128 bytes and eight rows of 60 cells per compression; a thread's rows lie beside each other.
// Does:     about a thousand products per compression, 30 instructions each.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(64, 4)
    expand_chain(const u64* absorbed, u64 count, const u64* digests, u64* columns, u64 height) {
    const u64 number = gpu::global_thread();
    if (number >= height / hm::rows::kRows) return;
    chain::fill_compression(words_at(absorbed), count, words_at(digests), number, poseidon2_constants,
                            table_at(columns, height));
}

// expand_recursion_hash
// Computes: the row of each compression of a circuit that verifies proofs.
// Layout:   inputs (height, 24) -> columns (165, height).
// Launch:   one thread per row, block of 64.
// Moves:    192 bytes and 165 cells of 8 bytes per row.
// Does:     about a thousand products per row, 30 instructions each.
// Limit:    instructions.
extern "C" __global__ void __launch_bounds__(64, 4) expand_recursion_hash(const u64* inputs, u64* columns, u64 height) {
    const u64 row = gpu::global_thread();
    if (row >= height) return;
    recursion::fill_row(words_at(inputs) + recursion::kInput * row, row, poseidon2_constants, table_at(columns, height));
}
