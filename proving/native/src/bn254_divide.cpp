// Division of 256-bit integers by a 64-bit one: quotients and remainders of a circuit's non-native values.
#include <cstddef>
#include <cstdint>

#include "export.hpp"
#include "parallel.hpp"

using hm::parallel_for;
using std::size_t;
using u64 = std::uint64_t;

// values and quotients have four limbs each, the lowest first.
extern "C" HM_EXPORT void hm_bn254_divide(const u64* values, u64 divisor, u64* quotients, u64* remainders,
                                          size_t count) {
    parallel_for(count, 1024, [=](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
            u64 rest = 0;
            for (size_t limb = 4; limb-- > 0;) {
                const auto dividend = static_cast<unsigned __int128>(rest) << 64 | values[4 * i + limb];
                quotients[4 * i + limb] = static_cast<u64>(dividend / divisor);
                rest = static_cast<u64>(dividend % divisor);
            }
            remainders[i] = rest;
        }
    });
}
