// The round constants of the compression's permutation, for the description of the poseidon2 table.
#include <cstdint>

#include "export.hpp"
#include "hash/poseidon2.hpp"

// out: 4 initial rounds of 16, 22 internal rounds of 1, 4 final rounds of 16, then the 16 diagonal entries of the
// internal matrix less one.
extern "C" HM_EXPORT void hm_poseidon2_constants16(std::uint64_t* out) {
    using Constants = hm::Poseidon2Constants<16>;
    for (const auto& round : Constants::kInitial)
        for (const std::uint64_t constant : round) *out++ = constant;
    for (const std::uint64_t constant : Constants::kInternal) *out++ = constant;
    for (const auto& round : Constants::kFinal)
        for (const std::uint64_t constant : round) *out++ = constant;
    for (const hm::Fp entry : hm::internal_diagonal<16>()) *out++ = entry.value;
}
