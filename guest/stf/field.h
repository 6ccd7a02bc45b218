/* The base field of secp256k1, p = 2^256 - 2^32 - 977.
 *
 * An element is any 256-bit integer and stands for its residue: p to 2^256 - 1 stand for the residues 0 to 2^32 + 976 too.
 * field_normalize gives the unique one below p. Results may alias arguments everywhere. */
#ifndef STF_FIELD_H
#define STF_FIELD_H

#include "words.h"

typedef u256 field;

void field_mul(field *r, const field *a, const field *b);
void field_sqr(field *r, const field *a);
void field_add(field *r, const field *a, const field *b);
void field_sub(field *r, const field *a, const field *b);
/* r = a - b - c */
void field_sub_two(field *r, const field *a, const field *b, const field *c);
void field_triple(field *r, const field *a);
void field_half(field *r, const field *a);
void field_negate(field *r, const field *a);
void field_normalize(field *a);
int field_is_zero(const field *a);
int field_equal(const field *a, const field *b);
/* r = a^((p + 1) / 4): the square root when a is a square. */
void field_root(field *r, const field *a);
/* r = a^(p - 2): the inverse, or 0 for 0. */
void field_inverse(field *r, const field *a);

#endif
