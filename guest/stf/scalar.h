/* Integers modulo the order n of secp256k1. A scalar is below n. */
#ifndef STF_SCALAR_H
#define STF_SCALAR_H

#include "words.h"

typedef u256 scalar;

extern const u256 SCALAR_ORDER;

void scalar_mul(scalar *r, const scalar *a, const scalar *b);
void scalar_add(scalar *r, const scalar *a, const scalar *b);
void scalar_negate(scalar *r, const scalar *a);
/* r = a mod n for any 256-bit a. */
void scalar_reduce(scalar *r, const u256 *a);
/* r = a^(n - 2): the inverse, or 0 for 0. */
void scalar_inverse(scalar *r, const scalar *a);
/* Whether a > (n - 1) / 2, the "high s" of EIP-2. */
int scalar_is_high(const scalar *a);
/* r = round(a b / 2^384), for any 256-bit a and b. */
void scalar_mul_shift_384(u256 *r, const u256 *a, const u256 *b);

#endif
