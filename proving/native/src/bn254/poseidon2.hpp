// Poseidon2 over BN254's Fr, width 3, on several states at once; the round constants come from the caller.
#pragma once

#include "bn254/wide.hpp"

namespace hm::bn254::poseidon2 {

inline constexpr size_t kWidth = 3;
inline constexpr size_t kFullRounds = 8;
inline constexpr size_t kPartialRounds = 56;
inline constexpr size_t kRounds = kFullRounds + kPartialRounds;
// A round waits for its own products, so two groups of states take turns.
inline constexpr size_t kGroups = 2;

template <class F>
struct Constants {
    F round[kRounds][kWidth];

    explicit Constants(const u64* constants) {
        for (size_t i = 0; i < kRounds * kWidth; ++i)
            round[i / kWidth][i % kWidth] = F::broadcast(F::enter(Fr::load(constants + kLimbs * i)));
    }
};

template <class F>
using States = F[kGroups][kWidth];

// x^5 of a sum that is not carried yet.
template <class F>
inline void power(F& x) {
    const F base = x.carried(), square = (base * base).carried();
    x = base * (square * square).carried();
}

// circ(2, 1, 1).
template <class F>
inline void external_layer(F (&x)[kWidth]) {
    const F sum = x[0] + x[1] + x[2];
    for (F& element : x) element = element + sum;
}

template <class F>
void permute(States<F>& states, const Constants<F>& constants) {
    for (auto& x : states) external_layer(x);
    const auto full_rounds = [&](size_t begin, size_t end) {
        for (size_t round = begin; round < end; ++round) {
            for (size_t i = 0; i < kWidth; ++i) {
                for (auto& x : states) {
                    x[i] = x[i] + constants.round[round][i];
                    power(x[i]);
                }
            }
            for (auto& x : states) external_layer(x);
        }
    };
    full_rounds(0, kFullRounds / 2);
    for (size_t round = kFullRounds / 2; round < kFullRounds / 2 + kPartialRounds; ++round) {
        for (auto& x : states) {
            x[0] = x[0] + constants.round[round][0];
            power(x[0]);
        }
        // Ones, and 1, 1, 2 added on the diagonal.
        for (auto& x : states) {
            const F sum = x[0] + x[1] + x[2];
            x[0] = x[0] + sum;
            x[1] = (x[1] + sum).reduced();
            x[2] = (x[2] + x[2] + sum).reduced();
        }
    }
    full_rounds(kFullRounds / 2 + kPartialRounds, kRounds);
}

}  // namespace hm::bn254::poseidon2
