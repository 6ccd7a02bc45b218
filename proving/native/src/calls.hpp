// What the machine, replay and expansion share: what calls read and write, and how long a word may lie idle.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hm {

// Register that takes what instructions write to x0, so that nothing tests for x0.
inline constexpr unsigned kSink = 32;

// Timestamps that may lie between two accesses to a word, one before the second; where there are more, a row of the table
// `idle` carries the word on.
inline constexpr std::uint32_t kLongestGap = std::uint32_t{1} << 16;

// Types of requests (proving/circuits/requests.py).
inline constexpr std::size_t kRequestTypes = 4;

// Words that a call reads, and those of its first buffer that it writes.
inline constexpr std::size_t kCallInputs = 32;
inline constexpr std::size_t kCallOutputs = 8;

// A request's first words are at the address in x10, where its outputs go, and its others at that in x11.
inline constexpr unsigned kOperandRegister = 10;
inline constexpr std::uint32_t kFirstAlignment = 32;
inline constexpr std::uint32_t kOthersAlignment = 128;

// Keccak-f has an instruction of its own kind: its words are at the address in x10 alone, in blocks of one parent, and
// it has two calls.
inline constexpr std::size_t kKeccakType = 1;
inline constexpr std::size_t kKeccakWords = 50;
inline constexpr std::uint32_t kKeccakAlignment = 256;
inline constexpr std::uint32_t kKeccakBlocks = 4;
inline constexpr std::size_t kKeccakCalls = 2;

// The step of an instruction at which a call reads two neighbouring words, by their number; Keccak-f writes a step later.
constexpr std::uint32_t read_step(std::size_t pair) {
    return pair < 4 || pair == 16 || pair == 17 || pair >= 22 ? 0 : pair < 16 ? 1 : 2;
}

// Words that a type with two buffers reads, those of the first buffer among them; none for Keccak-f.
constexpr std::size_t request_inputs(std::size_t type) { return type == 0 ? 32 : type == 2 ? 24 : type == 3 ? 28 : 0; }

}  // namespace hm
