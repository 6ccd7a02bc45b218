/* Scalars of a G + b R in the form in which both ways of recovery walk through them. */
#ifndef STF_ENDOMORPHISM_H
#define STF_ENDOMORPHISM_H

#include "recover.h"

#define WINDOW_G 10
#define WINDOW_R 5
#define TABLE_G_SIZE (1 << (WINDOW_G - 2))
#define TABLE_R (1 << (WINDOW_R - 2))
#define DIGITS 132 /* of a 129-bit number in signed windows */
/* Lines drawn for one item: the double and the odd multiples of R, the doublings, the additions. */
#define STEPS (TABLE_R + DIGITS + 2 * (DIGITS / WINDOW_G + 1) + 2 * (DIGITS / WINDOW_R + 1))

/* beta: x(lambda P) = beta x(P) */
extern const field BETA;
/* (2 i + 1) G */
extern const affine TABLE_G[TABLE_G_SIZE];

/* a = low + lambda high mod n, each in signed windows, into digits[0] and [1]; b likewise into digits[2] and [3]. */
void split_and_recode(int16_t digits[4][DIGITS], const scalar *a, const scalar *b);

#endif
