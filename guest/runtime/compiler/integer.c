/* The 64-bit integer arithmetic that compilers for rv32im leave to a library, under the names of libgcc's interface. */
#include <stdint.h>

static inline uint32_t high(uint64_t value) { return (uint32_t)(value >> 32); }

static inline uint64_t join(uint32_t upper, uint32_t lower) { return (uint64_t)upper << 32 | lower; }

int __clzsi2(uint32_t value) {
    int count = 0;
    if (value == 0) return 32;
    for (int step = 16; step != 0; step >>= 1) {
        if (value >> (32 - step) == 0) {
            value <<= step;
            count += step;
        }
    }
    return count;
}

int __ctzsi2(uint32_t value) { return value == 0 ? 32 : 31 - __clzsi2(value & -value); }

int __clzdi2(uint64_t value) { return high(value) != 0 ? __clzsi2(high(value)) : 32 + __clzsi2((uint32_t)value); }

int __ctzdi2(uint64_t value) {
    return (uint32_t)value != 0 ? __ctzsi2((uint32_t)value) : 32 + __ctzsi2(high(value));
}

int __ffsdi2(uint64_t value) { return value == 0 ? 0 : 1 + __ctzdi2(value); }

int __popcountsi2(uint32_t value) {
    value -= value >> 1 & 0x55555555u;
    value = (value & 0x33333333u) + (value >> 2 & 0x33333333u);
    return (int)(((value + (value >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24);
}

int __popcountdi2(uint64_t value) { return __popcountsi2(high(value)) + __popcountsi2((uint32_t)value); }

int __paritysi2(uint32_t value) { return __popcountsi2(value) & 1; }

int __paritydi2(uint64_t value) { return __paritysi2(high(value) ^ (uint32_t)value); }

uint32_t __bswapsi2(uint32_t value) {
    return value >> 24 | (value >> 8 & 0xff00u) | (value & 0xff00u) << 8 | value << 24;
}

uint64_t __bswapdi2(uint64_t value) { return join(__bswapsi2((uint32_t)value), __bswapsi2(high(value))); }

uint64_t __ashldi3(uint64_t value, int count) {
    uint32_t lower = (uint32_t)value;
    if (count == 0) return value;
    if (count >= 32) return join(lower << (count - 32), 0);
    return join(high(value) << count | lower >> (32 - count), lower << count);
}

uint64_t __lshrdi3(uint64_t value, int count) {
    uint32_t upper = high(value);
    if (count == 0) return value;
    if (count >= 32) return upper >> (count - 32);
    return join(upper >> count, upper << (32 - count) | (uint32_t)value >> count);
}

int64_t __ashrdi3(int64_t value, int count) {
    int32_t upper = (int32_t)high((uint64_t)value);
    if (count == 0) return value;
    if (count >= 32) return (int64_t)join((uint32_t)(upper >> 31), (uint32_t)(upper >> (count - 32)));
    return (int64_t)join((uint32_t)(upper >> count), (uint32_t)upper << (32 - count) | (uint32_t)value >> count);
}

uint64_t __muldi3(uint64_t a, uint64_t b) {
    uint32_t a0 = (uint32_t)a, b0 = (uint32_t)b;
    return (uint64_t)a0 * b0 + join(a0 * high(b) + high(a) * b0, 0);
}

int64_t __negdi2(int64_t value) { return (int64_t)(0 - (uint64_t)value); }

int __ucmpdi2(uint64_t a, uint64_t b) { return a < b ? 0 : a == b ? 1 : 2; }

int __cmpdi2(int64_t a, int64_t b) { return a < b ? 0 : a == b ? 1 : 2; }

/* One digit of a long division in base 2^16: (remainder:digit) / divisor for a divisor of at least 2^31 and a remainder
 * below it. The quotient's upper estimate is at most two too large. */
static inline uint32_t divide_digit(uint32_t *remainder, uint32_t digit, uint32_t divisor) {
    uint32_t top = divisor >> 16, bottom = divisor & 0xffffu;
    uint32_t quotient = *remainder / top, rest = *remainder % top;
    uint64_t left = (uint64_t)rest << 16 | digit;
    uint64_t product = (uint64_t)quotient * bottom;
    while (product > left) {
        quotient--;
        product -= bottom;
        left += (uint64_t)top << 16;
    }
    *remainder = (uint32_t)(left - product);
    return quotient;
}

/* (upper:lower) / divisor for upper < divisor, which makes the quotient fit into 32 bits. */
static uint32_t divide_wide(uint32_t upper, uint32_t lower, uint32_t divisor, uint32_t *remainder) {
    int shift = __clzsi2(divisor);
    divisor <<= shift;
    if (shift != 0) {
        upper = upper << shift | lower >> (32 - shift);
        lower <<= shift;
    }
    uint32_t first = divide_digit(&upper, lower >> 16, divisor);
    uint32_t second = divide_digit(&upper, lower & 0xffffu, divisor);
    *remainder = upper >> shift;
    return (first << 16) + second;
}

/* Division by zero gives what the machine's own division gives: all ones, and the dividend as remainder. */
uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *remainder) {
    uint64_t quotient, rest;
    if (divisor == 0) {
        quotient = ~(uint64_t)0;
        rest = dividend;
    } else if (high(divisor) == 0) {
        uint32_t small = (uint32_t)divisor, lower = (uint32_t)dividend;
        uint32_t upper = high(dividend) / small, left = high(dividend) % small;
        if (left == 0) {
            left = lower % small;
            lower /= small;
        } else {
            lower = divide_wide(left, lower, small, &left);
        }
        quotient = join(upper, lower);
        rest = left;
    } else if (divisor > dividend) {
        quotient = 0;
        rest = dividend;
    } else {
        /* Half the dividend by the divisor's top 32 bits is at most one too large once it is scaled back. */
        int shift = __clzsi2(high(divisor));
        uint32_t top = high(shift == 0 ? divisor : __ashldi3(divisor, shift)), unused;
        uint32_t estimate = divide_wide(high(dividend) >> 1, high(dividend) << 31 | (uint32_t)dividend >> 1, top, &unused);
        estimate = estimate >> (31 - shift);
        if (estimate != 0) estimate--;
        rest = dividend - __muldi3(divisor, estimate);
        if (rest >= divisor) {
            rest -= divisor;
            estimate++;
        }
        quotient = estimate;
    }
    if (remainder) *remainder = rest;
    return quotient;
}

uint64_t __udivdi3(uint64_t a, uint64_t b) { return __udivmoddi4(a, b, 0); }

uint64_t __umoddi3(uint64_t a, uint64_t b) {
    uint64_t rest;
    __udivmoddi4(a, b, &rest);
    return rest;
}

static inline uint64_t magnitude(int64_t value) { return value < 0 ? 0 - (uint64_t)value : (uint64_t)value; }

int64_t __divmoddi4(int64_t a, int64_t b, int64_t *remainder) {
    uint64_t rest, quotient = __udivmoddi4(magnitude(a), magnitude(b), &rest);
    *remainder = (int64_t)(a < 0 ? 0 - rest : rest);
    if (b == 0) return -1;
    return (int64_t)((a < 0) != (b < 0) ? 0 - quotient : quotient);
}

int64_t __divdi3(int64_t a, int64_t b) {
    int64_t rest;
    return __divmoddi4(a, b, &rest);
}

int64_t __moddi3(int64_t a, int64_t b) {
    int64_t rest;
    __divmoddi4(a, b, &rest);
    return rest;
}
