// Poseidon2 over Goldilocks (Plonky3's instances, widths 8, 12 and 16), one state at a time.
#pragma once

#include <array>
#include <cstdint>

#include "field/goldilocks.hpp"
#include "hash/poseidon2_constants.hpp"

namespace hm {

// The diagonal of the internal matrix less one (Plonky3, goldilocks/src/poseidon2.rs).
template <unsigned width>
constexpr std::array<Fp, width> internal_diagonal() {
    if constexpr (width == 8) {
        return {-Fp(2), Fp(1), Fp(2), half_power(1), Fp(3), -half_power(1), -Fp(3), -Fp(4)};
    } else if constexpr (width == 12) {
        return {-Fp(2), Fp(1),  Fp(2),  half_power(1), Fp(3),          Fp(4),
                -half_power(1), -Fp(3), -Fp(4), half_power(2), -half_power(2), half_power(3)};
    } else {
        static_assert(width == 16);
        return {-Fp(2),        Fp(1),         Fp(2),         half_power(1),  Fp(3),          Fp(4),
                -half_power(1), -Fp(3),       -Fp(4),        half_power(3),  half_power(4),  half_power(5),
                -half_power(3), -half_power(4), -half_power(5), half_power(32)};
    }
}

template <unsigned width>
constexpr void external_layer(Fp* state) {
    for (unsigned i = 0; i < width; i += 4) {
        Fp* x = state + i;
        const Fp t01 = x[0] + x[1];
        const Fp t23 = x[2] + x[3];
        const Fp all = t01 + t23;
        const Fp t013 = all + x[1];
        const Fp t023 = all + x[3];
        const Fp y3 = t023 + x[0] + x[0];
        const Fp y1 = t013 + x[2] + x[2];
        x[0] = t013 + t01;
        x[2] = t023 + t23;
        x[1] = y1;
        x[3] = y3;
    }
    Fp sums[4];
    for (unsigned i = 0; i < width; ++i) sums[i % 4] += state[i];
    for (unsigned i = 0; i < width; ++i) state[i] += sums[i % 4];
}

constexpr Fp seventh_power(Fp x) {
    const Fp square = x.square();
    return square.square() * (square * x);
}

template <unsigned width>
inline void poseidon2_permute(Fp* state) {
    using Constants = Poseidon2Constants<width>;
    static constexpr std::array<Fp, width> diagonal = internal_diagonal<width>();
    const auto external_rounds = [&](const std::uint64_t (&constants)[4][width]) {
        for (const auto& round : constants) {
            for (unsigned i = 0; i < width; ++i) state[i] = seventh_power(state[i] + Fp(round[i]));
            external_layer<width>(state);
        }
    };
    external_layer<width>(state);
    external_rounds(Constants::kInitial);
    for (const std::uint64_t constant : Constants::kInternal) {
        state[0] = seventh_power(state[0] + Fp(constant));
        Fp sum;
        for (unsigned i = 0; i < width; ++i) sum += state[i];
        for (unsigned i = 0; i < width; ++i) state[i] = state[i] * diagonal[i] + sum;
    }
    external_rounds(Constants::kFinal);
}

// C(x) = trunc4(P(x) + x), the compression that everything is hashed with. in: canonical; out may be in.
inline void compress16(const std::uint64_t in[16], std::uint64_t out[4]) {
    Fp state[16];
    for (unsigned i = 0; i < 16; ++i) state[i] = Fp(in[i]);
    poseidon2_permute<16>(state);
    for (unsigned i = 0; i < 4; ++i) out[i] = (state[i] + Fp(in[i])).value;
}

// The hash of a message of fixed length under a tag: chaining value (tag, length, 0, 0), blocks of 12, zero padded.
inline void hash_fixed16(std::uint64_t tag, const std::uint64_t* message, std::size_t length, std::uint64_t out[4]) {
    std::uint64_t state[16] = {tag, length, 0, 0};
    for (std::size_t at = 0; at < length; at += 12) {
        for (std::size_t i = 0; i < 12; ++i) state[4 + i] = at + i < length ? message[at + i] : 0;
        compress16(state, state);
    }
    for (unsigned i = 0; i < 4; ++i) out[i] = state[i];
}

}  // namespace hm
