// Every intrinsic of the kernels as a function of three vectors, under its name: compiled once with the instructions and
// once with their emulation, to be compared.
#include <string>
#include <utility>
#include <vector>

#include "export.hpp"
#include "field/vector.hpp"

namespace {

using namespace hm;

using u64 = std::uint64_t;
using std::size_t;

// One vector each of a, b, c -> one vector.
using Run = void (*)(const u64* a, const u64* b, const u64* c, u64* out);

// The function that applies a lambda to vectors, without the lambda.
template <class Apply>
Run run(Apply) {
    return [](const u64* a, const u64* b, const u64* c, u64* out) {
        vector_store(out, Apply{}(vector_load(a), vector_load(b), vector_load(c)));
    };
}

// The instructions in the order of their numbers; an immediate follows the name.
class Instructions {
  public:
    struct Instruction {
        std::string name;
        Run run;
    };

    template <class Apply>
    void add(const char* name, Apply apply) {
        all_.push_back({name, run(apply)});
    }

    // One instruction for each immediate; make(std::integral_constant<unsigned, i>{}) is the lambda for i.
    template <unsigned... immediates, class Make>
    void add_each(const char* name, std::integer_sequence<unsigned, immediates...>, Make make) {
        (all_.push_back({name + (' ' + std::to_string(immediates)),
                         run(make(std::integral_constant<unsigned, immediates>{}))}),
         ...);
    }

    size_t size() const { return all_.size(); }
    const Instruction& operator[](size_t i) const { return all_[i]; }

  private:
    std::vector<Instruction> all_;
};

using Shifts = std::integer_sequence<unsigned, 0, 1, 2, 8, 12, 31, 32, 33, 44, 52, 62, 63, 64, 65, 128, 255>;
using EveryByte = std::make_integer_sequence<unsigned, 256>;

template <unsigned value>
using Immediate = std::integral_constant<unsigned, value>;

#if defined(HM_ISA_avx512)

Instructions make_instructions() {
    Instructions all;
    const auto low_byte = [](Vector x) {
        u64 lanes[8];
        vector_store(lanes, x);
        return static_cast<__mmask8>(lanes[0]);
    };
    using LowByte = decltype(low_byte);
    all.add("_mm512_loadu_si512", [](Vector a, Vector, Vector) {
        u64 lanes[9] = {};
        vector_store(lanes + 1, a);
        return _mm512_loadu_si512(lanes);
    });
    all.add("_mm512_storeu_si512", [](Vector a, Vector, Vector) {
        u64 lanes[9] = {};
        _mm512_storeu_si512(lanes + 1, a);
        return vector_load(lanes);
    });
    all.add("_mm512_set1_epi64", [](Vector a, Vector, Vector) {
        u64 lanes[8];
        vector_store(lanes, a);
        return _mm512_set1_epi64(static_cast<long long>(lanes[5]));
    });
    all.add("_mm512_setr_epi64", [](Vector a, Vector, Vector) {
        long long x[8];
        _mm512_storeu_si512(x, a);
        return _mm512_setr_epi64(x[7], x[6], x[5], x[4], x[3], x[2], x[1], x[0]);
    });
    all.add("_mm512_setzero_si512", [](Vector, Vector, Vector) { return _mm512_setzero_si512(); });
    all.add("_mm512_add_epi64", [](Vector a, Vector b, Vector) { return _mm512_add_epi64(a, b); });
    all.add("_mm512_sub_epi64", [](Vector a, Vector b, Vector) { return _mm512_sub_epi64(a, b); });
    all.add("_mm512_mask_add_epi64",
            [](Vector a, Vector b, Vector c) { return _mm512_mask_add_epi64(c, LowByte{}(c), a, b); });
    all.add("_mm512_mask_sub_epi64",
            [](Vector a, Vector b, Vector c) { return _mm512_mask_sub_epi64(c, LowByte{}(c), a, b); });
    all.add("_mm512_cmplt_epu64_mask", [](Vector a, Vector b, Vector) {
        return vector_broadcast(static_cast<u64>(_mm512_cmplt_epu64_mask(a, b)));
    });
    all.add("_mm512_min_epu64", [](Vector a, Vector b, Vector) { return _mm512_min_epu64(a, b); });
    all.add("_mm512_mul_epu32", [](Vector a, Vector b, Vector) { return _mm512_mul_epu32(a, b); });
    all.add("_mm512_madd52lo_epu64", [](Vector a, Vector b, Vector c) { return _mm512_madd52lo_epu64(a, b, c); });
    all.add("_mm512_madd52hi_epu64", [](Vector a, Vector b, Vector c) { return _mm512_madd52hi_epu64(a, b, c); });
    all.add("_mm512_and_si512", [](Vector a, Vector b, Vector) { return _mm512_and_si512(a, b); });
    all.add("_mm512_or_si512", [](Vector a, Vector b, Vector) { return _mm512_or_si512(a, b); });
    all.add_each("_mm512_ternarylogic_epi64", EveryByte{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector b, Vector c) { return _mm512_ternarylogic_epi64(a, b, c, i); };
    });
    all.add_each("_mm512_slli_epi64", Shifts{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector, Vector) { return _mm512_slli_epi64(a, i); };
    });
    all.add_each("_mm512_srli_epi64", Shifts{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector, Vector) { return _mm512_srli_epi64(a, i); };
    });
    all.add_each("_mm512_srai_epi64", Shifts{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector, Vector) { return _mm512_srai_epi64(a, i); };
    });
    all.add("_mm512_mask_blend_epi32", [](Vector a, Vector b, Vector c) {
        u64 lanes[8];
        vector_store(lanes, c);
        return _mm512_mask_blend_epi32(static_cast<__mmask16>(lanes[0]), a, b);
    });
    all.add("_mm512_mask_blend_epi64",
            [](Vector a, Vector b, Vector c) { return _mm512_mask_blend_epi64(LowByte{}(c), a, b); });
    all.add("_mm512_unpacklo_epi64", [](Vector a, Vector b, Vector) { return _mm512_unpacklo_epi64(a, b); });
    all.add("_mm512_unpackhi_epi64", [](Vector a, Vector b, Vector) { return _mm512_unpackhi_epi64(a, b); });
    all.add_each("_mm512_shuffle_i64x2", EveryByte{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector b, Vector) { return _mm512_shuffle_i64x2(a, b, i); };
    });
    all.add("_mm512_permutex2var_epi64",
            [](Vector a, Vector b, Vector c) { return _mm512_permutex2var_epi64(a, b, c); });
    return all;
}

#elif defined(HM_ISA_avx2)

Instructions make_instructions() {
    Instructions all;
    all.add("_mm256_loadu_si256", [](Vector a, Vector, Vector) {
        u64 lanes[5] = {};
        vector_store(lanes + 1, a);
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes));
    });
    all.add("_mm256_storeu_si256", [](Vector a, Vector, Vector) {
        u64 lanes[5] = {};
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes + 1), a);
        return vector_load(lanes);
    });
    all.add("_mm256_set1_epi64x", [](Vector a, Vector, Vector) {
        u64 lanes[4];
        vector_store(lanes, a);
        return _mm256_set1_epi64x(static_cast<long long>(lanes[3]));
    });
    all.add("_mm256_add_epi64", [](Vector a, Vector b, Vector) { return _mm256_add_epi64(a, b); });
    all.add("_mm256_sub_epi64", [](Vector a, Vector b, Vector) { return _mm256_sub_epi64(a, b); });
    all.add("_mm256_mul_epu32", [](Vector a, Vector b, Vector) { return _mm256_mul_epu32(a, b); });
    all.add("_mm256_and_si256", [](Vector a, Vector b, Vector) { return _mm256_and_si256(a, b); });
    all.add("_mm256_andnot_si256", [](Vector a, Vector b, Vector) { return _mm256_andnot_si256(a, b); });
    all.add("_mm256_xor_si256", [](Vector a, Vector b, Vector) { return _mm256_xor_si256(a, b); });
    all.add("_mm256_cmpgt_epi64", [](Vector a, Vector b, Vector) { return _mm256_cmpgt_epi64(a, b); });
    all.add_each("_mm256_slli_epi64", Shifts{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector, Vector) { return _mm256_slli_epi64(a, i); };
    });
    all.add_each("_mm256_srli_epi64", Shifts{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector, Vector) { return _mm256_srli_epi64(a, i); };
    });
    all.add_each("_mm256_blend_epi32", EveryByte{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector b, Vector) { return _mm256_blend_epi32(a, b, i); };
    });
    all.add("_mm256_unpacklo_epi64", [](Vector a, Vector b, Vector) { return _mm256_unpacklo_epi64(a, b); });
    all.add("_mm256_unpackhi_epi64", [](Vector a, Vector b, Vector) { return _mm256_unpackhi_epi64(a, b); });
    all.add_each("_mm256_permute2x128_si256", EveryByte{}, []<unsigned i>(Immediate<i>) {
        return [](Vector a, Vector b, Vector) { return _mm256_permute2x128_si256(a, b, i); };
    });
    return all;
}

#endif

const Instructions& instructions() {
    static const Instructions all = make_instructions();
    return all;
}

}  // namespace

extern "C" HM_EXPORT size_t HM_NAME(hm_instruction_count)() { return instructions().size(); }

extern "C" HM_EXPORT const char* HM_NAME(hm_instruction_name)(size_t number) {
    return instructions()[number].name.c_str();
}

// (count, lanes) numbers each of a, b and c -> (count, lanes) results.
extern "C" HM_EXPORT void HM_NAME(hm_instruction_run)(size_t number, size_t count, const u64* a, const u64* b,
                                                     const u64* c, u64* out) {
    for (size_t at = 0; at < count * kVectorLanes; at += kVectorLanes)
        instructions()[number].run(a + at, b + at, c + at, out + at);
}
