/* Single-precision arithmetic for compilers that leave it to a library, under the names of libgcc's interface. */
#include <stdint.h>

#define BITS 32
#define MANTISSA 23
#define EXPONENT 8
typedef uint32_t word;
typedef float value;

static inline word multiply_high(word a, word b, word *low) {
    uint64_t product = (uint64_t)a * b;
    *low = (word)product;
    return (word)(product >> 32);
}

static inline word take_digit(word *rest, word divisor) {
    word digit = *rest / divisor;
    *rest -= digit * divisor;
    return digit;
}

#include "soft_float.h"

value __addsf3(value a, value b) { return add(a, b); }
value __subsf3(value a, value b) { return add(a, value_of(bits_of(b) ^ SIGN)); }
value __mulsf3(value a, value b) { return multiply(a, b); }
value __divsf3(value a, value b) { return divide(a, b); }
value __negsf2(value a) { return value_of(bits_of(a) ^ SIGN); }

int __unordsf2(value a, value b) { return is_unordered(a, b); }
int __eqsf2(value a, value b) { return compare(a, b, 1); }
int __nesf2(value a, value b) { return compare(a, b, 1); }
int __ltsf2(value a, value b) { return compare(a, b, 1); }
int __lesf2(value a, value b) { return compare(a, b, 1); }
int __gtsf2(value a, value b) { return compare(a, b, -1); }
int __gesf2(value a, value b) { return compare(a, b, -1); }

value __floatsisf(int32_t a) { return from_integer(a < 0, a < 0 ? 0u - (uint32_t)a : (uint32_t)a); }
value __floatunsisf(uint32_t a) { return from_integer(0, a); }
value __floatdisf(int64_t a) { return from_integer(a < 0, a < 0 ? 0 - (uint64_t)a : (uint64_t)a); }
value __floatundisf(uint64_t a) { return from_integer(0, a); }
int32_t __fixsfsi(value a) { return (int32_t)to_integer(a, 0x80000000u, 0x7fffffffu); }
uint32_t __fixunssfsi(value a) { return (uint32_t)to_integer(a, 0, 0xffffffffu); }
int64_t __fixsfdi(value a) { return (int64_t)to_integer(a, (uint64_t)1 << 63, ((uint64_t)1 << 63) - 1); }
uint64_t __fixunssfdi(value a) { return to_integer(a, 0, ~(uint64_t)0); }
