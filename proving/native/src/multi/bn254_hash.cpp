// The hash over BN254's Fr: an overwriting sponge of Poseidon2 with width 3 on many messages at once, what trees of
// proofs are built with, and proof of work.
//
// A message is its start, a number below 2^64, and elements. The first place of the state begins with the start and
// carries on; the two others take two elements before each permutation, the last one zero where they are odd in number. The
// digest is the second place at the end. Elements and digests are canonical numbers of four limbs.
#include <algorithm>
#include <atomic>

#include "bn254/poseidon2.hpp"
#include "export.hpp"
#include "parallel.hpp"

namespace {

using namespace hm;
using namespace hm::bn254;
using namespace hm::bn254::poseidon2;

using F = Wide<Fr>;

constexpr size_t kRate = kWidth - 1;
constexpr size_t kTogether = kGroups * F::kLanes;
// Goldilocks elements in one element: 192 bits, below r.
constexpr size_t kPacked = 3;
// Nonces tried between two looks at whether one was found, for each thread.
constexpr size_t kWave = 1 << 11;
constexpr u64 kNone = ~u64{0};

Limbs small(u64 x) { return {{x, 0, 0, 0}}; }

Limbs limbs_at(const u64* source) { return {{source[0], source[1], source[2], source[3]}}; }

class Sponge {
  public:
    explicit Sponge(const u64* constants) : constants_(constants) {}

    // Hash kTogether messages of one length: start(m) -> u64, element(m, k) -> Limbs, m from 0; digests of four limbs.
    template <class Start, class Element>
    void hash(size_t length, Start start, Element element, u64* digests) const {
        States<F> states;
        fill(states, 0, [&](size_t m) { return small(start(m)); });
        for (size_t k = 0; k < length; k += kRate) {
            for (size_t i = 0; i < kRate; ++i)
                fill(states, 1 + i, [&](size_t m) { return k + i < length ? element(m, k + i) : Limbs{}; });
            permute<F>(states, constants_);
            for (auto& x : states) x[0] = x[0].reduced();
        }
        for (size_t group = 0; group < kGroups; ++group)
            (states[group][1].left().carried() * leaving_).canonical().store(digests + kLimbs * group * F::kLanes);
    }

    // Hash `count` messages, all of one length, on all threads.
    template <class Start, class Element>
    void hash_all(size_t count, size_t length, Start start, Element element, u64* digests) const {
        parallel_for((count + kTogether - 1) / kTogether, 4, [&](size_t begin, size_t end) {
            for (size_t at = begin; at < end; ++at) {
                const size_t first = at * kTogether, here = std::min(count - first, kTogether);
                // Lanes from the last message on repeat it.
                const auto message = [=](size_t m) { return first + std::min(m, here - 1); };
                u64 found[kTogether * kLimbs];
                hash(
                    length, [&](size_t m) { return start(message(m)); },
                    [&](size_t m, size_t k) { return element(message(m), k); }, found);
                std::copy(found, found + here * kLimbs, digests + first * kLimbs);
            }
        });
    }

  private:
    template <class Value>
    void fill(States<F>& states, size_t place, Value value) const {
        for (size_t group = 0; group < kGroups; ++group) {
            u64 memory[F::kLanes * kLimbs];
            for (size_t lane = 0; lane < F::kLanes; ++lane) {
                const Limbs limbs = value(group * F::kLanes + lane);
                std::copy(limbs.limb, limbs.limb + kLimbs, memory + kLimbs * lane);
            }
            states[group][place] = (F::load(memory) * entering_).entered();
        }
    }

    Constants<F> constants_;
    // To Montgomery form and back.
    F::Factor entering_ = F::factor(Fr::from_canonical(Fr::one().value));
    F::Factor leaving_ = F::factor(Fr{small(1)});
};

}  // namespace

// elements: (count, length, 4) -> digests (count, 4); the start of message m is starts[m * start_step].
extern "C" HM_EXPORT void HM_NAME(hm_bn254_hash)(const u64* elements, size_t count, size_t length, const u64* starts,
                                                size_t start_step, u64* digests, const u64* constants) {
    Sponge(constants).hash_all(
        count, length, [=](size_t m) { return starts[m * start_step]; },
        [=](size_t m, size_t k) { return limbs_at(elements + kLimbs * (m * length + k)); }, digests);
}

// columns: pointers to `count` columns of `rows` Goldilocks elements -> (rows, 4), a message each row, three elements
// packed to one.
extern "C" HM_EXPORT void HM_NAME(hm_bn254_hash_matrix)(const u64* const* columns, size_t count, size_t rows, u64 start,
                                                       u64* digests, const u64* constants) {
    const auto element = [=](size_t row, size_t k) {
        Limbs packed;
        for (size_t i = 0; i < kPacked && kPacked * k + i < count; ++i) packed[i] = columns[kPacked * k + i][row];
        return packed;
    };
    Sponge(constants).hash_all(rows, (count + kPacked - 1) / kPacked, [=](size_t) { return start; }, element, digests);
}

// Joins parts of each of `count` nodes: part p of node i is digest i >> shifts[p] of parts[p].
extern "C" HM_EXPORT void HM_NAME(hm_bn254_join)(const u64* const* parts, const u64* shifts, size_t part_count,
                                                size_t count, u64 start, u64* digests, const u64* constants) {
    Sponge(constants).hash_all(
        count, part_count, [=](size_t) { return start; },
        [=](size_t i, size_t p) { return limbs_at(parts[p] + kLimbs * (i >> shifts[p])); }, digests);
}

// The smallest nonce for which the digest of (state, nonce) is zero under `mask` in its lowest limb.
extern "C" HM_EXPORT u64 HM_NAME(hm_bn254_grind)(const u64* state, u64 start, u64 mask, const u64* constants) {
    const Sponge sponge(constants);
    std::atomic<u64> found{kNone};
    const size_t wave = kWave * thread_count();
    for (u64 begin_of_wave = 0;; begin_of_wave += wave) {
        parallel_for(wave / kTogether, 16, [&, begin_of_wave](size_t begin, size_t end) {
            for (size_t at = begin; at < end; ++at) {
                const u64 first = begin_of_wave + at * kTogether;
                if (first >= found.load(std::memory_order_relaxed)) return;
                u64 digests[kTogether * kLimbs];
                sponge.hash(
                    kRate, [=](size_t) { return start; },
                    [=](size_t m, size_t k) { return k == 0 ? limbs_at(state) : small(first + m); }, digests);
                for (size_t m = 0; m < kTogether; ++m) {
                    if ((digests[kLimbs * m] & mask) != 0) continue;
                    u64 best = found.load(std::memory_order_relaxed);
                    while (first + m < best && !found.compare_exchange_weak(best, first + m)) {
                    }
                    return;
                }
            }
        });
        if (found.load() != kNone) return found.load();
    }
}
