// Element-wise arithmetic on arrays of base and extension elements.
#include "export.hpp"
#include "field/extension.hpp"
#include "field/packed.hpp"
#include "parallel.hpp"

namespace {

using namespace hm;

constexpr std::size_t kGrain = 1 << 14;

template <class Operation>
void binary(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* out, std::size_t count,
            Operation operation) {
    parallel_for(count, kGrain, [=](std::size_t begin, std::size_t end) {
        std::size_t i = begin;
        for (; i + Packed::kLanes <= end; i += Packed::kLanes)
            operation(Packed::load(a + i), Packed::load(b + i)).store(out + i);
        for (; i < end; ++i) operation(Fp::load(a + i), Fp::load(b + i)).store(out + i);
    });
}

}  // namespace

extern "C" HM_EXPORT void HM_NAME(hm_field_add)(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* out,
                                               std::size_t count) {
    binary(a, b, out, count, [](auto x, auto y) { return x + y; });
}

extern "C" HM_EXPORT void HM_NAME(hm_field_sub)(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* out,
                                               std::size_t count) {
    binary(a, b, out, count, [](auto x, auto y) { return x - y; });
}

extern "C" HM_EXPORT void HM_NAME(hm_field_mul)(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* out,
                                               std::size_t count) {
    binary(a, b, out, count, [](auto x, auto y) { return x * y; });
}

// Inverses by Montgomery's trick in runs; zero for zero.
extern "C" HM_EXPORT void HM_NAME(hm_field_inv)(const std::uint64_t* a, std::uint64_t* out, std::size_t count) {
    parallel_for(count, 1024, [=](std::size_t begin, std::size_t end) {
        Fp prefix(1);
        Fp values[1024];
        Fp prefixes[1024];
        for (std::size_t i = begin; i < end; ++i) {
            const Fp x(a[i]);
            values[i - begin] = x;
            prefixes[i - begin] = prefix;
            if (x.value != 0) prefix *= x;
        }
        Fp suffix = prefix.inverse();
        for (std::size_t i = end; i-- > begin;) {
            const Fp x = values[i - begin];
            out[i] = x.value == 0 ? 0 : (suffix * prefixes[i - begin]).value;
            if (x.value != 0) suffix *= x;
        }
    });
}

// (count, 3) arrays.
extern "C" HM_EXPORT void HM_NAME(hm_ext_mul)(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* out,
                                             std::size_t count) {
    parallel_for(count, kGrain, [=](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            (Ext<Fp>::load(a + 3 * i, 1) * Ext<Fp>::load(b + 3 * i, 1)).store(out + 3 * i, 1);
    });
}

// (count, 3) array; zero for zero.
extern "C" HM_EXPORT void HM_NAME(hm_ext_inv)(const std::uint64_t* a, std::uint64_t* out, std::size_t count) {
    parallel_for(count, 256, [=](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) Ext<Fp>::load(a + 3 * i, 1).inverse().store(out + 3 * i, 1);
    });
}
