// Eight elements of a BN254 field in AVX-512 registers, for products by IFMA's 52-bit multiplications.
//
// Limbs have 52 bits, the lowest first; a value is below 2^260 = 84 p and stands for itself modulo p. `carried` values have
// limbs below 2^52, others carries not yet taken. A product divides by 2^260, not by the 2^256 of elements in memory; so
// second operands, `Factor` and `Factors`, are 16 times the element, and a type's own form is 16 times the element too.
#pragma once

#include <algorithm>

#include "bn254/field.hpp"
#include "field/vector.hpp"

namespace hm::bn254 {

template <class Base>
struct Eight {
    static constexpr size_t kLanes = 8;
    static constexpr size_t kDigits = 5;
    static constexpr unsigned kDigitBits = 52;
    static constexpr u64 kDigitMask = (u64{1} << kDigitBits) - 1;

    using Element = Base;
    using Factors = Eight;
    using Mask = __mmask8;

    struct Digits {
        u64 digit[kDigits];
    };
    struct Factor {
        Digits digits;
    };

    Vector v[kDigits];

    static Eight zero() { return repeated({}); }
    static Eight one() { return repeated(kOne); }
    static Base enter(const Base& x) { return x * kSixteen; }
    static Base leave(const Base& x) { return x * kSixteenth; }
    // The same for all lanes, of a value that is not carried yet.
    Eight entered() const { return carried() * Factor{digits((kSixteen * kSixteen).value)}; }
    Eight left() const { return carried() * Factor{digits(Base::one().value)}; }
    static Eight broadcast(const Base& x) { return repeated(digits(x.value)); }
    // A loaded number as a second operand, below 16 p.
    Factors prepared() const {
        Eight result;
        for (size_t i = 0; i < kDigits; ++i) result.v[i] = shift_left<4>(v[i]);
        return result.carried();
    }
    static Factor factor(const Base& x) { return {digits(enter(x).value)}; }
    static Factors load_factors(const Base* source) {
        u64 entered[kLanes * kLimbs];
        for (size_t i = 0; i < kLanes; ++i) enter(source[i]).store(entered + kLimbs * i);
        return load(entered);
    }

    // Eight neighbours.
    static Eight load(const u64* source) {
        Vector pair[4];
        for (size_t i = 0; i < 4; ++i) pair[i] = vector_load(source + 8 * i);
        return cut(limbs_of_pairs(pair));
    }
    // The first `available` elements, at least one, of eight neighbours; zeros after them.
    static Eight load_first(const u64* source, size_t available) {
        if (available >= kLanes) return load(source);
        u64 padded[kLanes * kLimbs] = {};
        std::copy(source, source + kLimbs * available, padded);
        return load(padded);
    }
    // Two neighbours in each lane; lane i has those from `stride` i limbs on.
    static void load_pairs_apart(const u64* source, size_t stride, Eight& first, Eight& second) {
        Vector row[8];
        for (size_t i = 0; i < kLanes; ++i) row[i] = vector_load(source + stride * i);
        transpose(row);
        first = cut({row[0], row[1], row[2], row[3]});
        second = cut({row[4], row[5], row[6], row[7]});
    }
    // The same, lane i from sources[i].
    static void gather_pairs(const u64* const* sources, Eight& first, Eight& second) {
        Vector row[8];
        for (size_t i = 0; i < kLanes; ++i) row[i] = vector_load(sources[i]);
        transpose(row);
        first = cut({row[0], row[1], row[2], row[3]});
        second = cut({row[4], row[5], row[6], row[7]});
    }
    // The first of the pairs.
    static Eight gather(const u64* const* sources) {
        Vector pair[4];
        for (size_t i = 0; i < 4; ++i)
            pair[i] = _mm512_shuffle_i64x2(vector_load(sources[2 * i]), vector_load(sources[2 * i + 1]), 0x44);
        return cut(limbs_of_pairs(pair));
    }

    // Canonical elements to eight neighbours.
    void store(u64* target) const {
        const FourLimbs limbs = join();
        const Vector low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
        const Vector high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
        const Vector even = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
        const Vector odd = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
        for (size_t half = 0; half < 2; ++half) {
            const Vector order = half == 0 ? low : high;
            const Vector first = _mm512_permutex2var_epi64(limbs.limb[0], order, limbs.limb[1]);
            const Vector second = _mm512_permutex2var_epi64(limbs.limb[2], order, limbs.limb[3]);
            vector_store(target + 16 * half, _mm512_permutex2var_epi64(first, even, second));
            vector_store(target + 16 * half + 8, _mm512_permutex2var_epi64(first, odd, second));
        }
    }
    // Canonical pairs, lane i to targets[i].
    static void scatter_pairs(const Eight& first, const Eight& second, u64* const* targets) {
        const FourLimbs a = first.join(), b = second.join();
        Vector row[8] = {a.limb[0], a.limb[1], a.limb[2], a.limb[3], b.limb[0], b.limb[1], b.limb[2], b.limb[3]};
        transpose(row);
        for (size_t i = 0; i < kLanes; ++i) vector_store(targets[i], row[i]);
    }

    Eight carried() const {
        Eight result = *this;
        for (size_t i = 0; i + 1 < kDigits; ++i) {
            result.v[i + 1] = add_wrapping(result.v[i + 1], shift_right<kDigitBits>(result.v[i]));
            result.v[i] = _mm512_and_si512(result.v[i], vector_broadcast(kDigitMask));
        }
        return result;
    }

    // Below 1.01 p, carried. The quotient by p is taken from the 22 highest bits; it is right or one too small.
    Eight reduced() const {
        Eight x = carried();
        const Vector q = shift_right<32>(mul_low_halves(shift_right<30>(x.v[4]), vector_broadcast(kReciprocal)));
        x.v[0] = _mm512_madd52lo_epu64(x.v[0], q, vector_broadcast(kComplement.digit[0]));
        for (size_t i = 1; i < kDigits; ++i) {
            x.v[i] = _mm512_madd52lo_epu64(x.v[i], q, vector_broadcast(kComplement.digit[i]));
            x.v[i] = _mm512_madd52hi_epu64(x.v[i], q, vector_broadcast(kComplement.digit[i - 1]));
        }
        x = x.carried();
        x.v[4] = _mm512_and_si512(x.v[4], vector_broadcast(kDigitMask));
        return x;
    }

    Eight canonical() const {
        const Eight x = reduced();
        Eight less = (x + repeated(kComplement)).carried();
        const Mask above = _mm512_cmplt_epu64_mask(vector_broadcast(kDigitMask), less.v[4]);
        less.v[4] = _mm512_and_si512(less.v[4], vector_broadcast(kDigitMask));
        return select(above, less, x);
    }

    friend Eight operator+(const Eight& a, const Eight& b) {
        Eight sum;
        for (size_t i = 0; i < kDigits; ++i) sum.v[i] = add_wrapping(a.v[i], b.v[i]);
        return sum;
    }

    // b is below 3.9 p, its limbs below 2^58 - 2^6: a product, a loaded number or the sum of two. The result is below a + 4 p.
    friend Eight operator-(const Eight& a, const Eight& b) {
        Eight difference;
        for (size_t i = 0; i < kDigits; ++i)
            difference.v[i] = add_wrapping(a.v[i], sub_wrapping(vector_broadcast(kFourModuli.digit[i]), b.v[i]));
        return difference;
    }

    // a b / 2^260 + less than p: below 2 p where a b < 84 p^2. Operands are carried, the result's limbs are below 2^57.
    friend Eight operator*(const Eight& a, const Eight& b) {
        return multiply(a, [&](size_t i) { return b.v[i]; });
    }
    friend Eight operator*(const Eight& a, const Factor& b) {
        return multiply(a, [&](size_t i) { return vector_broadcast(b.digits.digit[i]); });
    }

    // The lanes' inverses, in the type's own form; none is zero.
    Eight inverse() const {
        alignas(64) u64 memory[kLanes * kLimbs];
        canonical().store(memory);
        Base element[kLanes], prefix[kLanes];
        Base product = Base::one();
        for (size_t i = 0; i < kLanes; ++i) {
            element[i] = leave(Base::load(memory + kLimbs * i));
            prefix[i] = product;
            product *= element[i];
        }
        product = product.inverse();
        for (size_t i = kLanes; i-- > 0;) {
            enter(product * prefix[i]).store(memory + kLimbs * i);
            product *= element[i];
        }
        return load(memory);
    }

    // For canonical operands.
    static Mask equal(const Eight& a, const Eight& b) {
        Vector different = sub_wrapping(a.v[0], b.v[0]);
        for (size_t i = 1; i < kDigits; ++i) different = _mm512_or_si512(different, sub_wrapping(a.v[i], b.v[i]));
        return _mm512_cmplt_epu64_mask(different, vector_broadcast(1));
    }
    static Mask is_zero(const Eight& a) { return equal(a, zero()); }
    static Mask mask(unsigned bits) { return static_cast<Mask>(bits); }
    static unsigned bits(Mask mask) { return mask; }
    static Eight select(Mask mask, const Eight& set, const Eight& clear) {
        Eight result;
        for (size_t i = 0; i < kDigits; ++i) result.v[i] = _mm512_mask_blend_epi64(mask, clear.v[i], set.v[i]);
        return result;
    }

    // (a, b) -> (a + b, a - b) for what may be subtracted.
    static void plain_butterfly(Eight& a, Eight& b) {
        const Eight sum = a + b;
        b = a - b;
        a = sum;
    }

  private:
    struct FourLimbs {
        Vector limb[kLimbs];
    };

    static constexpr Digits digits(const Limbs& x) {
        Digits result{};
        for (size_t i = 0; i < kDigits; ++i) {
            const size_t bit = kDigitBits * i, at = bit / 64, shift = bit % 64;
            u64 digit = x[at] >> shift;
            if (shift > 64 - kDigitBits && at + 1 < kLimbs) digit |= x[at + 1] << (64 - shift);
            result.digit[i] = digit & kDigitMask;
        }
        return result;
    }

    static Eight repeated(const Digits& x) {
        Eight result;
        for (size_t i = 0; i < kDigits; ++i) result.v[i] = vector_broadcast(x.digit[i]);
        return result;
    }

    // Elements 2 i and 2 i + 1 in pair[i], to limb j of all elements in limb[j].
    static FourLimbs limbs_of_pairs(const Vector (&pair)[4]) {
        const Vector low = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
        const Vector high = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
        const Vector a = _mm512_permutex2var_epi64(pair[0], low, pair[1]);
        const Vector b = _mm512_permutex2var_epi64(pair[0], high, pair[1]);
        const Vector c = _mm512_permutex2var_epi64(pair[2], low, pair[3]);
        const Vector d = _mm512_permutex2var_epi64(pair[2], high, pair[3]);
        return {{_mm512_shuffle_i64x2(a, c, 0x44), _mm512_shuffle_i64x2(a, c, 0xee), _mm512_shuffle_i64x2(b, d, 0x44),
                 _mm512_shuffle_i64x2(b, d, 0xee)}};
    }

    static Eight cut(const FourLimbs& x) {
        const Vector mask = vector_broadcast(kDigitMask);
        // (a | b) & mask.
        const auto masked = [&](Vector a, Vector b) { return _mm512_ternarylogic_epi64(a, b, mask, 0xa8); };
        return {{_mm512_and_si512(x.limb[0], mask), masked(shift_right<52>(x.limb[0]), shift_left<12>(x.limb[1])),
                 masked(shift_right<40>(x.limb[1]), shift_left<24>(x.limb[2])),
                 masked(shift_right<28>(x.limb[2]), shift_left<36>(x.limb[3])), shift_right<16>(x.limb[3])}};
    }

    FourLimbs join() const {
        return {{_mm512_or_si512(v[0], shift_left<52>(v[1])), _mm512_or_si512(shift_right<12>(v[1]), shift_left<40>(v[2])),
                 _mm512_or_si512(shift_right<24>(v[2]), shift_left<28>(v[3])),
                 _mm512_or_si512(shift_right<36>(v[3]), shift_left<16>(v[4]))}};
    }

    template <class Digit>
    static Eight multiply(const Eight& a, Digit b) {
        const Eight p = repeated(kModulus);
        Vector t[kDigits];
        for (Vector& digit : t) digit = vector_broadcast(0);
        for (size_t i = 0; i < kDigits; ++i) {
            const Vector factor = b(i);
            for (size_t j = 0; j < kDigits; ++j) t[j] = _mm512_madd52lo_epu64(t[j], a.v[j], factor);
            const Vector m = _mm512_madd52lo_epu64(vector_broadcast(0), t[0], vector_broadcast(kNegativeInverse));
            for (size_t j = 0; j < kDigits; ++j) t[j] = _mm512_madd52lo_epu64(t[j], m, p.v[j]);
            t[1] = add_wrapping(t[1], shift_right<kDigitBits>(t[0]));
            for (size_t j = 0; j + 1 < kDigits; ++j) {
                t[j] = _mm512_madd52hi_epu64(t[j + 1], a.v[j], factor);
                t[j] = _mm512_madd52hi_epu64(t[j], m, p.v[j]);
            }
            t[4] = _mm512_madd52hi_epu64(vector_broadcast(0), a.v[4], factor);
            t[4] = _mm512_madd52hi_epu64(t[4], m, p.v[4]);
        }
        return {{t[0], t[1], t[2], t[3], t[4]}};
    }

    static constexpr Base kSixteen = Base::from_u64(16);
    static constexpr Base kSixteenth = kSixteen.inverse();
    static constexpr Digits kModulus = digits(Base::kModulus);
    static constexpr Digits kOne = digits(kSixteen.value);
    static constexpr u64 kNegativeInverse = Base::kNegativeInverse & kDigitMask;
    // 2^32 over p's 16 highest bits and one, so that a quotient by it is never too large.
    static constexpr u64 kReciprocal = (u64{1} << 32) / ((Base::kModulus[3] >> 46) + 1);

    // 2^260 - p.
    static constexpr Digits complement() {
        Digits result{};
        u64 carry = 1;
        for (size_t i = 0; i < kDigits; ++i) {
            const u64 digit = (kModulus.digit[i] ^ kDigitMask) + carry;
            result.digit[i] = digit & kDigitMask;
            carry = digit >> kDigitBits;
        }
        return result;
    }
    static constexpr Digits kComplement = complement();

    // 4 p with 2^58 in each limb that its successor lacks, so that no limb of a difference is negative.
    static constexpr Digits four_moduli() {
        Digits result = digits({{Base::kModulus[0] << 2, Base::kModulus[1] << 2 | Base::kModulus[0] >> 62,
                                 Base::kModulus[2] << 2 | Base::kModulus[1] >> 62,
                                 Base::kModulus[3] << 2 | Base::kModulus[2] >> 62}});
        for (size_t i = 0; i + 1 < kDigits; ++i) {
            result.digit[i] += u64{1} << 58;
            result.digit[i + 1] -= u64{1} << 6;
        }
        return result;
    }
    static constexpr Digits kFourModuli = four_moduli();
};

}  // namespace hm::bn254
