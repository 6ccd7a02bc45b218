// Batches of Poseidon2 compressions.
#include "export.hpp"
#include "hash/poseidon2.hpp"
#include "parallel.hpp"

// count states of 16 elements each -> count digests of 4.
extern "C" HM_EXPORT void HM_NAME(hm_compress16)(const std::uint64_t* in, std::uint64_t* out, std::size_t count) {
    hm::parallel_for(count, 64, [=](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) hm::compress16(in + 16 * i, out + 4 * i);
    });
}

// count messages of length elements each -> count digests: the fixed-length hash under a tag.
extern "C" HM_EXPORT void HM_NAME(hm_hash_rows16)(const std::uint64_t* in, std::uint64_t* out, std::size_t count,
                                                 std::size_t length, std::size_t tag) {
    hm::parallel_for(count, 16, [=](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) hm::hash_fixed16(tag, in + i * length, length, out + 4 * i);
    });
}
