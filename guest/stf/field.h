/* The base field of secp256k1, p = 2^256 - 2^32 - 977.
 *
 * An element is any 256-bit integer and stands for its residue: p to 2^256 - 1 stand for the residues 0 to 2^32 + 976 too.
 * field_normalize gives the unique one below p. Results may alias arguments everywhere. */
#ifndef STF_FIELD_H
#define STF_FIELD_H

#include "hallmark.h"
#include "words.h"

typedef u256 field;

#define FIELD_PRIME                                                                                              \
    {                                                                                                            \
        {                                                                                                        \
            0xfffffc2fu, 0xfffffffeu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu \
        }                                                                                                        \
    }

/* What a product with a sum reads beside its first factor: a program keeps numbers here that many products share. */
typedef struct {
    field b, c, p;
} HALLMARK_ALIGNED field_factors;

/* a = a b + c, below p; `a` is aligned to 32 bytes and may be a part of `by`. One request, nothing is copied. */
static inline void field_multiply_add(field *a, const field_factors *by) {
    hallmark_arith256(a->w, (const uint32_t *)by);
}

void field_mul(field *r, const field *a, const field *b);
void field_sqr(field *r, const field *a);
void field_add(field *r, const field *a, const field *b);
void field_sub(field *r, const field *a, const field *b);
/* r = -a - b */
void field_negated_sum(field *r, const field *a, const field *b);
void field_triple(field *r, const field *a);
void field_half(field *r, const field *a);
void field_negate(field *r, const field *a);
void field_normalize(field *a);
int field_is_zero(const field *a);
int field_equal(const field *a, const field *b);
/* Whether a + b = p. Of two that are below p, one of them not zero: whether each is the negative of the other. */
int field_opposite(const field *a, const field *b);
/* r = a^((p + 1) / 4): the square root when a is a square. */
void field_root(field *r, const field *a);
/* r = a^(p - 2): the inverse, or 0 for 0. */
void field_inverse(field *r, const field *a);

#endif
