/* Double-precision arithmetic for compilers that leave it to a library, under the names of libgcc's interface. */
#include <stdint.h>

#define BITS 64
#define MANTISSA 52
#define EXPONENT 11
typedef uint64_t word;
typedef double value;

static inline word multiply_high(word a, word b, word *low) {
    uint32_t a0 = (uint32_t)a, a1 = (uint32_t)(a >> 32), b0 = (uint32_t)b, b1 = (uint32_t)(b >> 32);
    uint64_t first = (uint64_t)a0 * b0;
    uint64_t cross = (uint64_t)a1 * b0 + (first >> 32);
    uint64_t other = (uint64_t)a0 * b1 + (uint32_t)cross;
    *low = other << 32 | (uint32_t)first;
    return (uint64_t)a1 * b1 + (cross >> 32) + (other >> 32);
}

/* The divisor has 53 bits, so that its upper 21 bits and one give a digit that is at most one too small. */
static inline word take_digit(word *rest, word divisor) {
    uint32_t digit = (uint32_t)(*rest >> 32) / ((uint32_t)(divisor >> 32) + 1);
    *rest -= digit * divisor;
    if (*rest >= divisor) {
        *rest -= divisor;
        digit++;
    }
    return digit;
}

#include "soft_float.h"

value __adddf3(value a, value b) { return add(a, b); }
value __subdf3(value a, value b) { return add(a, value_of(bits_of(b) ^ SIGN)); }
value __muldf3(value a, value b) { return multiply(a, b); }
value __divdf3(value a, value b) { return divide(a, b); }
value __negdf2(value a) { return value_of(bits_of(a) ^ SIGN); }

int __unorddf2(value a, value b) { return is_unordered(a, b); }
int __eqdf2(value a, value b) { return compare(a, b, 1); }
int __nedf2(value a, value b) { return compare(a, b, 1); }
int __ltdf2(value a, value b) { return compare(a, b, 1); }
int __ledf2(value a, value b) { return compare(a, b, 1); }
int __gtdf2(value a, value b) { return compare(a, b, -1); }
int __gedf2(value a, value b) { return compare(a, b, -1); }

value __floatsidf(int32_t a) { return from_integer(a < 0, a < 0 ? 0u - (uint32_t)a : (uint32_t)a); }
value __floatunsidf(uint32_t a) { return from_integer(0, a); }
value __floatdidf(int64_t a) { return from_integer(a < 0, a < 0 ? 0 - (uint64_t)a : (uint64_t)a); }
value __floatundidf(uint64_t a) { return from_integer(0, a); }
int32_t __fixdfsi(value a) { return (int32_t)to_integer(a, 0x80000000u, 0x7fffffffu); }
uint32_t __fixunsdfsi(value a) { return (uint32_t)to_integer(a, 0, 0xffffffffu); }
int64_t __fixdfdi(value a) { return (int64_t)to_integer(a, (uint64_t)1 << 63, ((uint64_t)1 << 63) - 1); }
uint64_t __fixunsdfdi(value a) { return to_integer(a, 0, ~(uint64_t)0); }

value __extendsfdf2(float a) {
    union {
        float as_value;
        uint32_t as_word;
    } from = {.as_value = a};
    word sign = (word)(from.as_word >> 31) << 63;
    uint32_t magnitude = from.as_word & 0x7fffffffu, fraction = magnitude & 0x7fffffu;
    int exponent = (int)(magnitude >> 23);
    if (exponent == 0xff) return value_of(fraction != 0 ? QUIET_NAN : sign | INFINITE);
    if (magnitude == 0) return value_of(sign);
    if (exponent == 0) {
        int shift = __builtin_clz(fraction) - 8;
        fraction = fraction << shift & 0x7fffffu;
        exponent = 1 - shift;
    }
    return value_of(sign | (word)(exponent + BIAS - 127) << MANTISSA | (word)fraction << (MANTISSA - 23));
}

float __truncdfsf2(value a) {
    word x = bits_of(a);
    uint32_t result, sign = (uint32_t)(x >> 63) << 31;
    int exponent = (int)(magnitude_of(x) >> MANTISSA) + 127 - BIAS;
    if (magnitude_of(x) > INFINITE) {
        result = 0x7fc00000u;
    } else if (exponent >= 0xff) {
        result = sign | 0x7f800000u;
    } else {
        word mantissa = (x & FRACTION) | (magnitude_of(x) >= IMPLICIT ? IMPLICIT : 0);
        if (exponent < 1) {
            mantissa = shift_sticky(mantissa, 1 - exponent);
            exponent = 1;
        }
        uint32_t kept = (uint32_t)(mantissa >> (MANTISSA - 23));
        word below = mantissa & (((word)1 << (MANTISSA - 23)) - 1), half = (word)1 << (MANTISSA - 24);
        kept += below > half || (below == half && (kept & 1));
        result = sign | (((uint32_t)(exponent - 1) << 23) + kept);
    }
    union {
        uint32_t as_word;
        float as_value;
    } both = {.as_word = result};
    return both.as_value;
}
