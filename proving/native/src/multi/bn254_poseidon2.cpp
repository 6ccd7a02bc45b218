// Poseidon2 over BN254's Fr, width 3: batches of permutations.
#include <algorithm>

#include "bn254/poseidon2.hpp"
#include "export.hpp"
#include "parallel.hpp"

using namespace hm;
using namespace hm::bn254;
using namespace hm::bn254::poseidon2;

// States (count, 3, 4) in and out; constants (64, 3, 4), those of partial rounds in the first place.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_poseidon2)(const u64* in, u64* out, size_t count, const u64* constants) {
    using F = Wide<Fr>;
    constexpr size_t kStateLimbs = kWidth * kLimbs, kTogether = kGroups * F::kLanes;
    const Constants<F> all(constants);
    parallel_for((count + kTogether - 1) / kTogether, 8, [&](size_t begin, size_t end) {
        for (size_t first = begin * kTogether; first < std::min(count, end * kTogether); first += kTogether) {
            States<F> states;
            // Places from the last state on repeat it.
            const auto place = [&](size_t group, size_t lane) {
                return kStateLimbs * std::min(count - 1, first + group * F::kLanes + lane);
            };
            for (size_t group = 0; group < kGroups; ++group) {
                u64 memory[kWidth][F::kLanes * kLimbs];
                for (size_t lane = 0; lane < F::kLanes; ++lane) {
                    for (size_t i = 0; i < kStateLimbs; ++i)
                        memory[i / kLimbs][lane * kLimbs + i % kLimbs] = in[place(group, lane) + i];
                }
                for (size_t i = 0; i < kWidth; ++i) states[group][i] = F::load(memory[i]).entered();
            }
            permute<F>(states, all);
            for (size_t group = 0; group < kGroups; ++group) {
                u64 memory[kWidth][F::kLanes * kLimbs];
                for (size_t i = 0; i < kWidth; ++i) states[group][i].left().canonical().store(memory[i]);
                for (size_t lane = 0; lane < F::kLanes; ++lane) {
                    for (size_t i = 0; i < kStateLimbs; ++i)
                        out[place(group, lane) + i] = memory[i / kLimbs][lane * kLimbs + i % kLimbs];
                }
            }
        }
    });
}
