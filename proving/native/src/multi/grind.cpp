// Proof of work on the transcript: the smallest nonce whose hash ends in enough zero bits.
#include <algorithm>
#include <atomic>

#include "export.hpp"
#include "hash/poseidon2_packed.hpp"
#include "parallel.hpp"

namespace {

using namespace hm;

constexpr std::size_t kLanes = Packed::kLanes;
constexpr unsigned kBatches = kLanes == 1 ? 1 : 2;
constexpr std::size_t kTogether = kBatches * kLanes;
// Nonces tried between two looks at whether one was found, for each thread.
constexpr std::size_t kWave = 1 << 13;

constexpr std::uint64_t kGrindTag = 6;
constexpr std::uint64_t kNone = ~std::uint64_t{0};

}  // namespace

// The smallest nonce for which C(state || (GRIND, nonce, 0...)) has a lane 0 that is zero under `mask`.
extern "C" HM_EXPORT std::uint64_t HM_NAME(hm_grind)(const std::uint64_t* state, std::uint64_t mask) {
    std::atomic<std::uint64_t> found{kNone};
    const std::size_t wave = kWave * thread_count();
    for (std::uint64_t start = 0;; start += wave) {
        parallel_for(wave / kTogether, 16, [&, start](std::size_t begin, std::size_t end) {
            for (std::size_t at = begin; at < end; ++at) {
                const std::uint64_t first = start + at * kTogether;
                if (first >= found.load(std::memory_order_relaxed)) return;
                std::uint64_t lanes[kTogether];
                for (std::size_t l = 0; l < kTogether; ++l) lanes[l] = first + l;
                Vector states[kBatches][16];
                for (unsigned b = 0; b < kBatches; ++b) {
                    for (Vector& x : states[b]) x = vector_broadcast(0);
                    for (unsigned i = 0; i < 4; ++i) states[b][i] = vector_broadcast(state[i]);
                    states[b][4] = vector_broadcast(kGrindTag);
                    states[b][5] = vector_load(lanes + b * kLanes);
                }
                poseidon2_permute<16, kBatches>(states);
                for (unsigned b = 0; b < kBatches; ++b)
                    vector_store(lanes + b * kLanes,
                                 canonical(add_loose(states[b][0], vector_broadcast(state[0]))));
                for (std::size_t l = 0; l < kTogether; ++l) {
                    if ((lanes[l] & mask) != 0) continue;
                    std::uint64_t best = found.load(std::memory_order_relaxed);
                    while (first + l < best && !found.compare_exchange_weak(best, first + l)) {
                    }
                    return;
                }
            }
        });
        if (found.load() != kNone) return found.load();
    }
}
