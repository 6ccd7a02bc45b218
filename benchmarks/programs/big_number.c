/* Powers modulo a number of 1,024 bits, by Montgomery multiplication. */
#include "hallmark.h"

#define LIMBS 32

static uint32_t modulus[LIMBS], inverse;

static void multiply(uint32_t result[LIMBS], const uint32_t a[LIMBS], const uint32_t b[LIMBS]) {
    uint32_t sum[LIMBS + 2] = {0};
    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < LIMBS; j++) {
            carry += (uint64_t)a[i] * b[j] + sum[j];
            sum[j] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += sum[LIMBS];
        sum[LIMBS] = (uint32_t)carry;
        sum[LIMBS + 1] = (uint32_t)(carry >> 32);
        uint32_t factor = sum[0] * inverse;
        carry = ((uint64_t)factor * modulus[0] + sum[0]) >> 32;
        for (int j = 1; j < LIMBS; j++) {
            carry += (uint64_t)factor * modulus[j] + sum[j];
            sum[j - 1] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += sum[LIMBS];
        sum[LIMBS - 1] = (uint32_t)carry;
        sum[LIMBS] = sum[LIMBS + 1] + (uint32_t)(carry >> 32);
    }
    uint32_t reduced[LIMBS], borrow = 0;
    for (int j = 0; j < LIMBS; j++) {
        uint64_t difference = (uint64_t)sum[j] - modulus[j] - borrow;
        reduced[j] = (uint32_t)difference;
        borrow = (uint32_t)(difference >> 63);
    }
    const uint32_t *smaller = sum[LIMBS] < borrow ? sum : reduced;
    for (int j = 0; j < LIMBS; j++) result[j] = smaller[j];
}

int main(void) {
    uint32_t base[LIMBS], value[LIMBS], seed = 7;
    for (int i = 0; i < LIMBS; i++) {
        seed = seed * 1664525u + 1013904223u;
        modulus[i] = seed | (i == 0) | (i == LIMBS - 1) << 31;
        base[i] = value[i] = i == LIMBS - 1 ? 1 : seed ^ 0x5a5a5a5au;
    }
    inverse = 1;
    for (int i = 0; i < 5; i++) inverse *= 2 - modulus[0] * inverse;
    inverse = -inverse;
    for (uint32_t rounds = hallmark_read_word(); rounds > 0; rounds--) {
        multiply(value, value, value);
        if (rounds % 3 == 0) multiply(value, value, base);
    }
    hallmark_exit(value);
}
