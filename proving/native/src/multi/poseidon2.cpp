// Batches of Poseidon2 permutations, compressions and fixed-length hashes.
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

// kTogether states of `width` elements, one after the other, <-> vectors whose lanes are states.
template <unsigned width>
void gather_states(const u64* in, Vector (&states)[kBatches][width]) {
    u64 lanes[kLanes];
    for (unsigned b = 0; b < kBatches; ++b) {
        for (unsigned i = 0; i < width; ++i) {
            for (size_t l = 0; l < kLanes; ++l) lanes[l] = in[(b * kLanes + l) * width + i];
            states[b][i] = vector_load(lanes);
        }
    }
}

template <unsigned width>
void permute(const u64* in, u64* out, size_t count) {
    const size_t full = count / kTogether;
    parallel_for(full, 8, [=](size_t begin, size_t end) {
        Vector states[kBatches][width];
        u64 lanes[kLanes];
        for (size_t at = begin; at < end; ++at) {
            const size_t first = at * kTogether * width;
            gather_states<width>(in + first, states);
            poseidon2_permute<width, kBatches>(states);
            for (unsigned b = 0; b < kBatches; ++b) {
                for (unsigned i = 0; i < width; ++i) {
                    vector_store(lanes, canonical(states[b][i]));
                    for (size_t l = 0; l < kLanes; ++l) out[first + (b * kLanes + l) * width + i] = lanes[l];
                }
            }
        }
    });
    for (size_t at = full * kTogether; at < count; ++at) {
        Fp state[width];
        for (unsigned i = 0; i < width; ++i) state[i] = Fp(in[at * width + i]);
        poseidon2_permute<width>(state);
        for (unsigned i = 0; i < width; ++i) out[at * width + i] = state[i].value;
    }
}

template <unsigned width>
void compress(const u64* in, u64* out, size_t count) {
    const size_t full = count / kTogether;
    parallel_for(full, 8, [=](size_t begin, size_t end) {
        Vector states[kBatches][width];
        Vector inputs[kBatches][4];
        u64 lanes[kLanes];
        for (size_t at = begin; at < end; ++at) {
            gather_states<width>(in + at * kTogether * width, states);
            for (unsigned b = 0; b < kBatches; ++b)
                for (unsigned i = 0; i < 4; ++i) inputs[b][i] = states[b][i];
            poseidon2_permute<width, kBatches>(states);
            for (unsigned b = 0; b < kBatches; ++b) {
                for (unsigned i = 0; i < 4; ++i) {
                    vector_store(lanes, canonical(add_loose(states[b][i], inputs[b][i])));
                    for (size_t l = 0; l < kLanes; ++l) out[(at * kTogether + b * kLanes + l) * 4 + i] = lanes[l];
                }
            }
        }
    });
    for (size_t at = full * kTogether; at < count; ++at) {
        Fp state[width];
        for (unsigned i = 0; i < width; ++i) state[i] = Fp(in[at * width + i]);
        poseidon2_permute<width>(state);
        for (unsigned i = 0; i < 4; ++i) out[at * 4 + i] = (state[i] + Fp(in[at * width + i])).value;
    }
}

}  // namespace

// count states of 8, 12 or 16 elements -> the permuted states.
extern "C" HM_EXPORT void HM_NAME(hm_poseidon2)(const u64* in, u64* out, size_t count, size_t width) {
    if (width == 8) permute<8>(in, out, count);
    if (width == 12) permute<12>(in, out, count);
    if (width == 16) permute<16>(in, out, count);
}

// count states of 16 elements -> count digests of 4: trunc4(P(x) + x).
extern "C" HM_EXPORT void HM_NAME(hm_compress16)(const u64* in, u64* out, size_t count) {
    compress<16>(in, out, count);
}

// The same with width 8, for the two-to-one nodes of hash shape B.
extern "C" HM_EXPORT void HM_NAME(hm_compress8)(const u64* in, u64* out, size_t count) { compress<8>(in, out, count); }

// count messages of length elements each -> count digests: the fixed-length hash under a tag.
extern "C" HM_EXPORT void HM_NAME(hm_hash_rows16)(const u64* in, u64* out, size_t count, size_t length, size_t tag) {
    const size_t full = count / kTogether;
    parallel_for(full, 1, [=](size_t begin, size_t end) {
        u64 lanes[kTogether];
        for (size_t at = begin; at < end; ++at) {
            Vector states[kBatches][16];
            Vector chaining[kBatches][4];
            for (auto& cv : chaining) {
                cv[0] = vector_broadcast(tag);
                cv[1] = vector_broadcast(length);
                cv[2] = cv[3] = vector_broadcast(0);
            }
            for (size_t block = 0; block < length; block += 12) {
                for (size_t i = 0; i < 12; ++i) {
                    for (size_t l = 0; l < kTogether; ++l)
                        lanes[l] = block + i < length ? in[(at * kTogether + l) * length + block + i] : 0;
                    for (unsigned b = 0; b < kBatches; ++b) states[b][4 + i] = vector_load(lanes + b * kLanes);
                }
                for (unsigned b = 0; b < kBatches; ++b)
                    for (unsigned i = 0; i < 4; ++i) states[b][i] = chaining[b][i];
                poseidon2_permute<16, kBatches>(states);
                for (unsigned b = 0; b < kBatches; ++b)
                    for (unsigned i = 0; i < 4; ++i)
                        chaining[b][i] = canonical(add_loose(states[b][i], chaining[b][i]));
            }
            for (size_t i = 0; i < 4; ++i) {
                for (unsigned b = 0; b < kBatches; ++b) vector_store(lanes + b * kLanes, chaining[b][i]);
                for (size_t l = 0; l < kTogether; ++l) out[(at * kTogether + l) * 4 + i] = lanes[l];
            }
        }
    });
    for (size_t i = full * kTogether; i < count; ++i) hash_fixed16(tag, in + i * length, length, out + 4 * i);
}
