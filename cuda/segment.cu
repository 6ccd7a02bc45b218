// Execution records of main_vm to the traces of its tables. What a row holds is said by the headers of
// proving/native/src/expand, which the CPU's kernels are compiled from as well.
//
// Tables are column-major (columns, height), zero before; counts of lookups are columns of words, added to by atomics.
// Neighbouring threads fill neighbouring rows, so that cells of a column are written side by side; records are read by
// 36 bytes and more a thread, which the caches serve.
#include "expand/call_rows.hpp"
#include "expand/cycle_rows.hpp"
#include "expand/decode_rows.hpp"
#include "expand/hash_rows.hpp"
#include "expand/idle_rows.hpp"
#include "expand/memory_rows.hpp"
#include "expand/page_rows.hpp"
#include "launch.cuh"

namespace {

using gpu::u32;
using gpu::u64;
using namespace hm::expand;

// Words that a thread of expand_nothing writes.
constexpr u32 kTogether = 8;

__constant__ hm::rows::Constants rounds = hm::rows::make_constants();
__constant__ u64 nothing[16] = {};

// What the kernels of one segment share; lies in device memory as words.
struct Segment {
    // By pc.
    Decoded* decoded;
    u64 decoded_count;
    // Main columns of range, byte_and and constant.
    u64* range;
    u64* bytes;
    u64* constants;
    // How many words were no instruction, and how many records' instructions were not decoded.
    u64* refused;
    Compressions compressions;
};
static_assert(sizeof(Decoded) == 48 && sizeof(Segment) == 8 * 11);

struct Counters {
    const Segment* segment;

    __device__ void range(std::size_t row) { atomicAdd(segment->range + row, 1ULL); }
    __device__ void conjunctions(std::size_t row) { atomicAdd(segment->bytes + row, 1ULL); }
    __device__ void pairs(std::size_t row) { atomicAdd(segment->bytes + kByteRows + row, 1ULL); }
    __device__ void constants(std::size_t row) { atomicAdd(segment->constants + row, 1ULL); }
};
using Counts = Lookups<Counters>;

__device__ Table table_at(u64* columns, u64 height) {
    return {reinterpret_cast<std::uint64_t*>(columns), static_cast<std::size_t>(height)};
}

// The decoded instruction at a pc, or null.
__device__ const Decoded* find(const Segment& segment, u32 pc) {
    u64 low = 0;
    u64 high = segment.decoded_count;
    while (low < high) {
        const u64 middle = (low + high) / 2;
        if (segment.decoded[middle].pc < pc) low = middle + 1;
        else high = middle;
    }
    return low < segment.decoded_count && segment.decoded[low].pc == pc ? segment.decoded + low : nullptr;
}

template <class Rows>
__device__ __forceinline__ void expand_one(const u32* records, u64 count, const Segment* segment, u64* columns,
                                           u64 height) {
    const u64 number = gpu::global_thread();
    if (number >= count) return;
    const u32* record = records + number * Rows::kWidth;
    const Decoded* decoded = find(*segment, record[1]);
    if (decoded == nullptr) {
        atomicAdd(segment->refused + 1, 1ULL);
        return;
    }
    Counts counts{{segment}};
    const Table table = table_at(columns, height);
    Rows::fill(record, number, *decoded, segment->compressions, counts, table);
    Rows::inverted([&](std::size_t column, std::size_t flag = kEveryRow) {
        if (flag != kEveryRow && table.at(flag, number) == 0) return;
        std::uint64_t& cell = table.at(column, number);
        cell = gpu::Fp(cell).inverse().value;
    });
}

}  // namespace

// expand_nothing
// Computes: zeros.
// Layout:   out (count).
// Launch:   8 words per thread, a block's width apart, block of 256.
// Moves:    8 bytes per word.
// Does:     nothing else.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(256) expand_nothing(u64* out, u64 count) {
    const u64 first = static_cast<u64>(blockIdx.x) * blockDim.x * kTogether + threadIdx.x;
#pragma unroll
    for (u32 i = 0; i < kTogether; ++i) {
        const u64 at = first + static_cast<u64>(i) * blockDim.x;
        if (at < count) out[at] = 0;
    }
}

// expand_decode
// Computes: the rows of decode, and the decoded instructions that other kernels look for; words that are none are
//           counted.
// Layout:   rows (count, 3): pc, word, fetches; constants (5, 1024) -> segment->decoded, columns.
// Launch:   one thread per row, block of 128.
// Moves:    60 bytes and a row's cells; the constants come from the cache.
// Does:     up to 1024 comparisons, two inverses of 127 products, nine counts.
// Limit:    latency; there are 2^14 rows at most.
extern "C" __global__ void __launch_bounds__(128)
    expand_decode(const u32* rows, u64 count, const u64* constants, const Segment* segment, u64* columns, u64 height) {
    const u64 row = gpu::global_thread();
    if (row >= count) return;
    Decoded& decoded = segment->decoded[row];
    decoded = {};
    decoded.pc = rows[3 * row];
    Decoded found{};
    if (!decode(rows[3 * row], rows[3 * row + 1], reinterpret_cast<const std::uint64_t*>(constants), found)) {
        atomicAdd(segment->refused, 1ULL);
        return;
    }
    decoded = found;
    Counts counts{{segment}};
    fill_decode(found, rows[3 * row + 2], row, counts, table_at(columns, height));
}

// expand_add_immediate, expand_add, expand_control, expand_bitwise, expand_shift, expand_mul, expand_div, expand_memory_word,
// expand_memory_sub
// Computes: the row of each record of a family, and counts its lookups; a record whose pc has no decode row is counted.
// Layout:   records (count, 9) words of 32 bits, of memory (count, 12) -> columns from the family's first row on.
// Launch:   one thread per record, block of 128.
// Moves:    36 or 48 bytes, 13 to 35 cells of 8 bytes and 3 to 15 counts per record.
// Does:     a search among the decoded instructions, which stay in the caches; up to two inverses, 72 products each.
// Limit:    the counts: times since the last accesses are short, so most records add to few rows, one a clock.
extern "C" __global__ void __launch_bounds__(128)
    expand_add_immediate(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<AddImmediateRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(128)
    expand_add(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<AddRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(128)
    expand_control(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<ControlRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(128)
    expand_bitwise(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<BitwiseRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(128)
    expand_shift(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<ShiftRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(128)
    expand_mul(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<MulRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(128)
    expand_div(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<DivRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(128)
    expand_memory_word(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<MemoryWordRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(128)
    expand_memory_sub(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<MemorySubRows>(records, count, segment, columns, height);
}

// expand_poseidon2_call, expand_request, expand_keccak_call
// Computes: the 32 rows of each call, and counts its lookups; a record whose pc has no decode row is counted.
// Layout:   records (count, 68), (count, 120) or (count, 140) words of 32 bits; of requests and of Keccak-f the last 32
//           are the chain's digests -> columns from the family's first row on.
// Launch:   one thread per call, block of 64.
// Moves:    the record and 32 rows of 33 cells per call; a thread's rows lie beside each other.
// Does:     up to 16 inverses of 127 products; the words of a call lie in local memory.
// Limit:    latency: there are 2^13 calls at most.
extern "C" __global__ void __launch_bounds__(64)
    expand_poseidon2_call(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<Poseidon2CallRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(64)
    expand_request(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<RequestRows>(records, count, segment, columns, height);
}

extern "C" __global__ void __launch_bounds__(64)
    expand_keccak_call(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    expand_one<KeccakRows>(records, count, segment, columns, height);
}

// expand_idle
// Computes: the row of each word that was not accessed for long, and counts its lookups.
// Layout:   records (count, 5) words of 32 bits -> columns.
// Launch:   one thread per record, block of 128.
// Moves:    20 bytes, 6 cells of 8 bytes and 2 counts per record.
// Does:     two sums.
// Limit:    latency; there are few.
extern "C" __global__ void __launch_bounds__(128)
    expand_idle(const u32* records, u64 count, const Segment* segment, u64* columns, u64 height) {
    const u64 row = gpu::global_thread();
    if (row >= count) return;
    Counts counts{{segment}};
    fill_idle(records + kIdleRecord * row, row, counts, table_at(columns, height));
}

// expand_poseidon2
// Computes: the eight rows of each compression with its number of lookups; behind the last one compressions of zeros.
// Layout:   inputs (count, 16), counts (count) words of 32 bits -> columns.
// Launch:   one thread per compression, `height` / 8 of them, block of 64.
// Moves:    132 bytes and eight rows of 59 cells per compression; a thread's rows lie beside each other.
// Does:     about a thousand products per compression, 30 instructions each.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(64, 4)
    expand_poseidon2(const u64* inputs, const u32* counts, u64 count, u64* columns, u64 height) {
    const u64 number = gpu::global_thread();
    if (number >= height / kCompressionRows) return;
    const bool used = number < count;
    const u64* input = used ? inputs + 16 * number : nothing;
    fill_compression(reinterpret_cast<const std::uint64_t*>(input), used ? counts[number] : 0, number, rounds,
                     table_at(columns, height));
}

// expand_page
// Computes: the two rows of each block and of each node, after the compressions' table.
// Layout:   blocks (block_count, 66) and nodes (node_count, 4) words of 32 bits -> columns, those of blocks first.
// Launch:   one thread per block or node, block of 128.
// Moves:    264 or 16 bytes, two digests and two rows of 45 cells.
// Does:     eight sums.
// Limit:    memory.
extern "C" __global__ void __launch_bounds__(128) expand_page(const u32* blocks, u64 block_count, const u32* nodes,
                                                              u64 node_count, const Segment* segment, u64* columns,
                                                              u64 height) {
    const u64 number = gpu::global_thread();
    const Table table = table_at(columns, height);
    if (number < block_count) {
        fill_block(blocks + kBlockRecord * number, number, segment->compressions, table);
    } else if (number < block_count + node_count) {
        const u64 node = number - block_count;
        fill_node(nodes + kNodeKey * node, block_count, node, segment->compressions, table);
    }
}
