// The two prime fields of BN254, one element at a time: Fr, the scalars, and Fq, the coordinates of points.
//
// Elements are in Montgomery form with R = 2^256, four 64-bit limbs, the lowest first, canonical (below p) at all times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(HM_ISA_avx2) || defined(HM_ISA_avx512)
#if !defined(HM_EMULATED)
#define HM_MULX
#endif
#endif

namespace hm::bn254 {

using u64 = std::uint64_t;
using u128 = unsigned __int128;
using std::size_t;

inline constexpr size_t kLimbs = 4;

struct Limbs {
    u64 limb[kLimbs] = {};

    constexpr u64& operator[](size_t i) { return limb[i]; }
    constexpr u64 operator[](size_t i) const { return limb[i]; }
    friend constexpr bool operator==(const Limbs&, const Limbs&) = default;
};

// a + b modulo 2^256; the carry out is added to `carry`.
constexpr Limbs add_limbs(const Limbs& a, const Limbs& b, u64& carry) {
    Limbs sum;
    u64 c = 0;
    for (size_t i = 0; i < kLimbs; ++i) {
        const u128 t = static_cast<u128>(a[i]) + b[i] + c;
        sum[i] = static_cast<u64>(t);
        c = static_cast<u64>(t >> 64);
    }
    carry += c;
    return sum;
}

// a - b modulo 2^256; `borrow` becomes 1 where a < b, else 0.
constexpr Limbs subtract_limbs(const Limbs& a, const Limbs& b, u64& borrow) {
    Limbs difference;
    u64 c = 0;
    for (size_t i = 0; i < kLimbs; ++i) {
        const u128 t = static_cast<u128>(a[i]) - b[i] - c;
        difference[i] = static_cast<u64>(t);
        c = static_cast<u64>(t >> 64) & 1;
    }
    borrow = c;
    return difference;
}

// x - modulus unless that is negative.
constexpr Limbs reduce_once(const Limbs& x, const Limbs& modulus) {
#if defined(__x86_64__)
    if (!std::is_constant_evaluated()) {
        u64 t0 = x[0], t1 = x[1], t2 = x[2], t3 = x[3];
        asm("subq %[p0], %[t0]\n\t"
            "sbbq %[p1], %[t1]\n\t"
            "sbbq %[p2], %[t2]\n\t"
            "sbbq %[p3], %[t3]\n\t"
            "cmovcq %[x0], %[t0]\n\t"
            "cmovcq %[x1], %[t1]\n\t"
            "cmovcq %[x2], %[t2]\n\t"
            "cmovcq %[x3], %[t3]"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3)
            : [x0] "rm"(x[0]), [x1] "rm"(x[1]), [x2] "rm"(x[2]), [x3] "rm"(x[3]), [p0] "rm"(modulus[0]),
              [p1] "rm"(modulus[1]), [p2] "rm"(modulus[2]), [p3] "rm"(modulus[3])
            : "cc");
        return {{t0, t1, t2, t3}};
    }
#endif
    u64 borrow = 0;
    const Limbs less = subtract_limbs(x, modulus, borrow);
    return borrow != 0 ? x : less;
}

// a - b, plus the modulus where that is negative.
constexpr Limbs subtract_modulo(const Limbs& a, const Limbs& b, const Limbs& modulus) {
#if defined(__x86_64__)
    if (!std::is_constant_evaluated()) {
        u64 t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3];
        u64 m0 = modulus[0], m1 = modulus[1], m2 = modulus[2], m3 = modulus[3], mask;
        asm("subq %[b0], %[t0]\n\t"
            "sbbq %[b1], %[t1]\n\t"
            "sbbq %[b2], %[t2]\n\t"
            "sbbq %[b3], %[t3]\n\t"
            "sbbq %[mask], %[mask]\n\t"
            "andq %[mask], %[m0]\n\t"
            "andq %[mask], %[m1]\n\t"
            "andq %[mask], %[m2]\n\t"
            "andq %[mask], %[m3]\n\t"
            "addq %[m0], %[t0]\n\t"
            "adcq %[m1], %[t1]\n\t"
            "adcq %[m2], %[t2]\n\t"
            "adcq %[m3], %[t3]"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [m0] "+&r"(m0), [m1] "+&r"(m1),
              [m2] "+&r"(m2), [m3] "+&r"(m3), [mask] "=&r"(mask)
            : [b0] "rm"(b[0]), [b1] "rm"(b[1]), [b2] "rm"(b[2]), [b3] "rm"(b[3])
            : "cc");
        return {{t0, t1, t2, t3}};
    }
#endif
    u64 borrow = 0;
    const Limbs difference = subtract_limbs(a, b, borrow);
    u64 carry = 0;
    return borrow != 0 ? add_limbs(difference, modulus, carry) : difference;
}

// a + b less than 2^256.
constexpr Limbs add_below(const Limbs& a, const Limbs& b) {
#if defined(__x86_64__)
    if (!std::is_constant_evaluated()) {
        u64 t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3];
        asm("addq %[b0], %[t0]\n\t"
            "adcq %[b1], %[t1]\n\t"
            "adcq %[b2], %[t2]\n\t"
            "adcq %[b3], %[t3]"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3)
            : [b0] "rm"(b[0]), [b1] "rm"(b[1]), [b2] "rm"(b[2]), [b3] "rm"(b[3])
            : "cc");
        return {{t0, t1, t2, t3}};
    }
#endif
    u64 carry = 0;
    return add_limbs(a, b, carry);
}

constexpr bool below(const Limbs& a, const Limbs& b) {
    u64 borrow = 0;
    subtract_limbs(a, b, borrow);
    return borrow != 0;
}

struct FrParameters {
    static constexpr Limbs kModulus = {
        {0x43e1f593f0000001ULL, 0x2833e84879b97091ULL, 0xb85045b68181585dULL, 0x30644e72e131a029ULL}};
};

struct FqParameters {
    static constexpr Limbs kModulus = {
        {0x3c208c16d87cfd47ULL, 0x97816a916871ca8dULL, 0xb85045b68181585dULL, 0x30644e72e131a029ULL}};
};

// -1/odd modulo 2^64, by Newton's iteration.
constexpr u64 negative_inverse(u64 odd) {
    u64 inverse = 1;
    for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
    return 0 - inverse;
}

template <class Parameters>
struct Field {
    static constexpr Limbs kModulus = Parameters::kModulus;
    static constexpr u64 kNegativeInverse = negative_inverse(kModulus[0]);
    static constexpr size_t kLanes = 1;

    Limbs value;

    static constexpr Field load(const u64* source) { return {{{source[0], source[1], source[2], source[3]}}}; }
    constexpr void store(u64* target) const {
        for (size_t i = 0; i < kLimbs; ++i) target[i] = value[i];
    }

    static constexpr Field zero() { return {}; }
    static constexpr Field one() { return {kR1}; }
    // Canonical limbs, below p.
    static constexpr Field from_canonical(const Limbs& limbs) { return Field{limbs} * Field{kR2}; }
    static constexpr Field from_u64(u64 x) { return from_canonical({{x, 0, 0, 0}}); }
    constexpr Limbs to_canonical() const { return (*this * Field{{{1, 0, 0, 0}}}).value; }

    constexpr bool is_zero() const { return (value[0] | value[1] | value[2] | value[3]) == 0; }
    friend constexpr bool operator==(const Field&, const Field&) = default;

    friend constexpr Field operator+(const Field& a, const Field& b) {
        return {reduce_once(add_below(a.value, b.value), kModulus)};
    }
    friend constexpr Field operator-(const Field& a, const Field& b) {
        return {subtract_modulo(a.value, b.value, kModulus)};
    }
    friend constexpr Field operator*(const Field& a, const Field& b) {
#if defined(HM_MULX)
        if (!std::is_constant_evaluated()) return multiply_mulx(a, b);
#endif
        return multiply_portable(a, b);
    }

    constexpr Field operator-() const { return Field{} - *this; }
    constexpr Field& operator+=(const Field& b) { return *this = *this + b; }
    constexpr Field& operator-=(const Field& b) { return *this = *this - b; }
    constexpr Field& operator*=(const Field& b) { return *this = *this * b; }
    constexpr Field doubled() const { return *this + *this; }
    constexpr Field square() const { return *this * *this; }

    constexpr Field pow(const Limbs& exponent) const {
        Field result = one();
        for (size_t i = 64 * kLimbs; i-- > 0;) {
            result = result.square();
            if (exponent[i / 64] >> (i % 64) & 1) result *= *this;
        }
        return result;
    }

    // The inverse; zero for zero.
    constexpr Field inverse() const {
        u64 borrow = 0;
        return pow(subtract_limbs(kModulus, {{2, 0, 0, 0}}, borrow));
    }

  private:
    // Row by row, as p's top limb leaves a bit free: neither of a row's two carries overflows, so their sum is the new
    // top limb.
    static constexpr Field multiply_portable(const Field& a, const Field& b) {
        Limbs t;
        for (size_t i = 0; i < kLimbs; ++i) {
            u128 product = static_cast<u128>(a.value[0]) * b.value[i] + t[0];
            const u64 m = static_cast<u64>(product) * kNegativeInverse;
            u128 reduction = static_cast<u128>(m) * kModulus[0] + static_cast<u64>(product);
            for (size_t j = 1; j < kLimbs; ++j) {
                product = static_cast<u128>(a.value[j]) * b.value[i] + t[j] + static_cast<u64>(product >> 64);
                reduction = static_cast<u128>(m) * kModulus[j] + static_cast<u64>(product) +
                            static_cast<u64>(reduction >> 64);
                t[j - 1] = static_cast<u64>(reduction);
            }
            t[3] = static_cast<u64>(product >> 64) + static_cast<u64>(reduction >> 64);
        }
        return {reduce_once(t, kModulus)};
    }

#if defined(HM_MULX)
    // t += a b, five limbs, then t = (t + m p) / 2^64: the first limb of the result is t1, the last one `top`.
    // The two carry chains of ADX run side by side.
    static inline __attribute__((always_inline)) void row(u64& t0, u64& t1, u64& t2, u64& t3, u64& top, const Limbs& a,
                                                          u64 b) {
        u64 lo, hi;
        asm("xorl %k[top], %k[top]\n\t"
            "mulx %[a0], %[lo], %[hi]\n\t"
            "adcx %[lo], %[t0]\n\t"
            "adox %[hi], %[t1]\n\t"
            "mulx %[a1], %[lo], %[hi]\n\t"
            "adcx %[lo], %[t1]\n\t"
            "adox %[hi], %[t2]\n\t"
            "mulx %[a2], %[lo], %[hi]\n\t"
            "adcx %[lo], %[t2]\n\t"
            "adox %[hi], %[t3]\n\t"
            "mulx %[a3], %[lo], %[hi]\n\t"
            "adcx %[lo], %[t3]\n\t"
            "adox %[top], %[hi]\n\t"
            "adcx %[hi], %[top]\n\t"
            "movq %[inverse], %%rdx\n\t"
            "imulq %[t0], %%rdx\n\t"
            "xorl %k[hi], %k[hi]\n\t"
            "mulx %[p0], %[lo], %[hi]\n\t"
            "adcx %[lo], %[t0]\n\t"
            "adox %[hi], %[t1]\n\t"
            "mulx %[p1], %[lo], %[hi]\n\t"
            "adcx %[lo], %[t1]\n\t"
            "adox %[hi], %[t2]\n\t"
            "mulx %[p2], %[lo], %[hi]\n\t"
            "adcx %[lo], %[t2]\n\t"
            "adox %[hi], %[t3]\n\t"
            "mulx %[p3], %[lo], %[hi]\n\t"
            "adcx %[lo], %[t3]\n\t"
            "adox %[t0], %[hi]\n\t"
            "adcx %[hi], %[top]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [top] "=&r"(top), [lo] "=&r"(lo),
              [hi] "=&r"(hi), "+&d"(b)
            : [a0] "rm"(a[0]), [a1] "rm"(a[1]), [a2] "rm"(a[2]), [a3] "rm"(a[3]), [p0] "m"(kModulus.limb[0]),
              [p1] "m"(kModulus.limb[1]), [p2] "m"(kModulus.limb[2]), [p3] "m"(kModulus.limb[3]),
              [inverse] "m"(kInverseInMemory)
            : "cc");
    }

    static Field multiply_mulx(const Field& a, const Field& b) {
        u64 t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4;
        row(t0, t1, t2, t3, t4, a.value, b.value[0]);
        row(t1, t2, t3, t4, t0, a.value, b.value[1]);
        row(t2, t3, t4, t0, t1, a.value, b.value[2]);
        row(t3, t4, t0, t1, t2, a.value, b.value[3]);
        return {reduce_once({{t4, t0, t1, t2}}, kModulus)};
    }

    static constexpr u64 kInverseInMemory = kNegativeInverse;
#endif

    // 2^256 and 2^512 modulo p, by doubling.
    static constexpr Limbs power_of_two(unsigned exponent) {
        Limbs x = {{1, 0, 0, 0}};
        for (unsigned i = 0; i < exponent; ++i) x = reduce_once(add_below(x, x), kModulus);
        return x;
    }
    static constexpr Limbs kR1 = power_of_two(256);
    static constexpr Limbs kR2 = power_of_two(512);
};

using Fr = Field<FrParameters>;
using Fq = Field<FqParameters>;

}  // namespace hm::bn254
