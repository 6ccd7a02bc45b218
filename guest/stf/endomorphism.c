#include "endomorphism.h"

#include "secp256k1_tables.h"

/* k = low + lambda high mod n with both below 2^129 in magnitude; returns the signs as bits 0 and 1. */
static uint32_t split(u256 *low, u256 *high, const scalar *k) {
    u256 c1, c2;
    scalar a, b;
    scalar_mul_shift_384(&c1, k, &SPLIT_G1);
    scalar_mul_shift_384(&c2, k, &SPLIT_G2);
    scalar_mul(&a, &c1, &SPLIT_B1);
    scalar_mul(&b, &c2, &SPLIT_B2);
    scalar_add(high, &a, &b);
    scalar_mul(&a, high, &LAMBDA);
    scalar_negate(&a, &a);
    scalar_add(low, &a, k);
    uint32_t signs = 0;
    if (scalar_is_high(low)) {
        scalar_negate(low, low);
        signs |= 1;
    }
    if (scalar_is_high(high)) {
        scalar_negate(high, high);
        signs |= 2;
    }
    return signs;
}

/* Signed windows: k = sum of digits[i] 2^i, digits odd or zero, |digit| < 2^(width - 1). Uses k's low 129 bits. */
static void recode(int16_t digits[DIGITS], const u256 *k, int width, int negative) {
    uint32_t carry = 0;
    for (int i = 0; i < DIGITS; i++) digits[i] = 0;
    int position = 0;
    while (position < DIGITS) {
        uint32_t word = (uint32_t)position >> 5, shift = position & 31;
        uint32_t bits = k->w[word] >> shift;
        if (shift != 0) bits |= k->w[word + 1] << (32 - shift);
        if ((bits & 1) == carry) {
            position++;
            continue;
        }
        int32_t digit = (int32_t)((bits & ((1u << width) - 1)) + carry);
        carry = ((uint32_t)digit >> (width - 1)) & 1;
        digit -= (int32_t)(carry << width);
        digits[position] = (int16_t)(negative ? -digit : digit);
        position += width;
    }
}

void split_and_recode(int16_t digits[4][DIGITS], const scalar *a, const scalar *b) {
    u256 low, high;
    uint32_t signs = split(&low, &high, a);
    recode(digits[0], &low, WINDOW_G, signs & 1);
    recode(digits[1], &high, WINDOW_G, signs & 2);
    signs = split(&low, &high, b);
    recode(digits[2], &low, WINDOW_R, signs & 1);
    recode(digits[3], &high, WINDOW_R, signs & 2);
}
