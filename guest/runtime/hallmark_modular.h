/* Products modulo m of numbers anywhere in memory: requests of 256-bit arithmetic on buffers of their own. A program that
 * keeps its numbers in such buffers saves the copies and calls hallmark_arith256 itself. */
#ifndef HALLMARK_MODULAR_H
#define HALLMARK_MODULAR_H

#include "hallmark.h"

/* The numbers of a request: b, c and the modulus, eight words each, and a, which becomes the result. A program has one of
 * these for each modulus, with m in its words 16 to 23; c, in words 8 to 15, is added to every product. */
typedef struct {
    uint32_t bcm[24], a[8];
} HALLMARK_ALIGNED hallmark_modulus;

static inline void hallmark_copy_number(uint32_t to[8], const uint32_t from[8]) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) to[i] = from[i];
}

/* r = a * b + c mod m for any a and b; r may be either of them. */
static inline void hallmark_multiply(hallmark_modulus *modulus, uint32_t r[8], const uint32_t a[8],
                                     const uint32_t b[8]) {
    hallmark_copy_number(modulus->a, a);
    hallmark_copy_number(modulus->bcm, b);
    hallmark_arith256(modulus->a, modulus->bcm);
    hallmark_copy_number(r, modulus->a);
}

#endif
