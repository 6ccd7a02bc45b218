#include "field.h"

#include "hallmark_modular.h"

/* 2^256 = 2^32 + 977 mod p */
#define FOLD 977u

/* r = r + carry * (2^32 + 977); carry < 2^33 */
static inline void fold_carry(uint32_t r[8], uint64_t carry) {
    while (carry != 0) {
        uint32_t low = (uint32_t)carry, high = (uint32_t)(carry >> 32);
        uint64_t t = (uint64_t)low * FOLD + r[0];
        r[0] = (uint32_t)t;
        t = (t >> 32) + (uint64_t)r[1] + low + (uint64_t)high * FOLD;
        r[1] = (uint32_t)t;
        t = (t >> 32) + (uint64_t)r[2] + high;
        r[2] = (uint32_t)t;
        uint32_t one = (uint32_t)(t >> 32);
        for (int i = 3; one != 0 && i < 8; i++) {
            r[i] += one;
            one = r[i] == 0;
        }
        carry = one;
    }
}

HALLMARK_STATE hallmark_modulus product = {
    .bcm = {[16] = 0xfffffc2fu, 0xfffffffeu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}};

void field_mul(field *r, const field *a, const field *b) { hallmark_multiply(&product, r->w, a->w, b->w); }

void field_sqr(field *r, const field *a) { hallmark_multiply(&product, r->w, a->w, a->w); }

void field_add(field *r, const field *a, const field *b) { fold_carry(r->w, u256_add(r, a, b)); }

/* r = r - borrow * (2^32 + 977) */
static inline void fold_borrow(uint32_t r[8], uint32_t borrow) {
    while (borrow != 0) {
        uint64_t t = (uint64_t)r[0] - FOLD;
        r[0] = (uint32_t)t;
        t = (uint64_t)r[1] - 1 - ((t >> 32) & 1);
        r[1] = (uint32_t)t;
        borrow = (uint32_t)(t >> 32) & 1;
        for (int i = 2; borrow != 0 && i < 8; i++) {
            borrow = r[i] == 0;
            r[i] -= 1;
        }
    }
}

void field_sub(field *r, const field *a, const field *b) { fold_borrow(r->w, u256_sub(r, a, b)); }

void field_negated_sum(field *r, const field *a, const field *b) {
    field sum;
    field_add(&sum, a, b);
    /* The complement is 2^256 - 1 - sum = 2^32 + 976 - sum mod p. */
    uint64_t t = (uint64_t)(uint32_t)~sum.w[0] - (FOLD - 1);
    r->w[0] = (uint32_t)t;
    t = (uint64_t)(uint32_t)~sum.w[1] - 1 - ((t >> 32) & 1);
    r->w[1] = (uint32_t)t;
    for (int i = 2; i < 8; i++) r->w[i] = ~sum.w[i];
    uint32_t borrow = (uint32_t)(t >> 32) & 1;
    for (int i = 2; borrow != 0 && i < 8; i++) {
        borrow = r->w[i] == 0;
        r->w[i] -= 1;
    }
    fold_borrow(r->w, borrow);
}

int field_equal(const field *a, const field *b) {
    if (u256_equal(a, b)) return 1;
    field difference;
    field_sub(&difference, a, b);
    return field_is_zero(&difference);
}

int field_opposite(const field *a, const field *b) {
    static const field prime = FIELD_PRIME;
    field sum;
    uint32_t carry = u256_add(&sum, a, b);
    return carry == 0 && u256_equal(&sum, &prime);
}

void field_triple(field *r, const field *a) {
    uint64_t t = 0;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        t += (uint64_t)a->w[i] * 3;
        r->w[i] = (uint32_t)t;
        t >>= 32;
    }
    fold_carry(r->w, t);
}

void field_half(field *r, const field *a) {
    uint32_t x[8];
    uint32_t top = 0;
    for (int i = 0; i < 8; i++) x[i] = a->w[i];
    if (x[0] & 1) {
        /* x + p = x - (2^32 + 977) + 2^256 */
        top = 1;
        uint64_t t = (uint64_t)x[0] - FOLD;
        x[0] = (uint32_t)t;
        t = (uint64_t)x[1] - 1 - ((t >> 32) & 1);
        x[1] = (uint32_t)t;
        uint32_t borrow = (uint32_t)(t >> 32) & 1;
        for (int i = 2; borrow != 0 && i < 8; i++) {
            borrow = x[i] == 0;
            x[i] -= 1;
        }
        top -= borrow;
    }
#pragma GCC unroll 8
    for (int i = 0; i < 7; i++) r->w[i] = (x[i] >> 1) | (x[i + 1] << 31);
    r->w[7] = (x[7] >> 1) | (top << 31);
}

void field_negate(field *r, const field *a) {
    field zero;
    u256_zero(&zero);
    field_sub(r, &zero, a);
}

void field_normalize(field *a) {
    uint32_t ones = 0xffffffffu;
    for (int i = 2; i < 8; i++) ones &= a->w[i];
    if (ones != 0xffffffffu) return;
    /* at or above p exactly when adding 2^32 + 977 carries out of 256 bits */
    uint64_t t = (uint64_t)a->w[0] + FOLD;
    uint64_t u = (uint64_t)a->w[1] + 1 + (t >> 32);
    if ((u >> 32) == 0) return;
    a->w[0] = (uint32_t)t;
    a->w[1] = (uint32_t)u;
    for (int i = 2; i < 8; i++) a->w[i] = 0;
}

int field_is_zero(const field *a) {
    field x = *a;
    field_normalize(&x);
    return u256_is_zero(&x);
}

static void square_times(field *r, const field *a, int count) {
    *r = *a;
    for (int i = 0; i < count; i++) field_sqr(r, r);
}

/* a^(2^223 - 1), with a^(2^22 - 1) and a^3 on the way: p's bits are 223 ones, a zero, 22 ones and a tail. */
static void power_of_ones(field *x223, field *x22, field *x2, const field *a) {
    field x3, x6, x9, x11, x44, x88, x176, x220, t;
    field_sqr(&t, a);
    field_mul(x2, &t, a);
    field_sqr(&t, x2);
    field_mul(&x3, &t, a);
    square_times(&t, &x3, 3);
    field_mul(&x6, &t, &x3);
    square_times(&t, &x6, 3);
    field_mul(&x9, &t, &x3);
    square_times(&t, &x9, 2);
    field_mul(&x11, &t, x2);
    square_times(&t, &x11, 11);
    field_mul(x22, &t, &x11);
    square_times(&t, x22, 22);
    field_mul(&x44, &t, x22);
    square_times(&t, &x44, 44);
    field_mul(&x88, &t, &x44);
    square_times(&t, &x88, 88);
    field_mul(&x176, &t, &x88);
    square_times(&t, &x176, 44);
    field_mul(&x220, &t, &x44);
    square_times(&t, &x220, 3);
    field_mul(x223, &t, &x3);
}

void field_root(field *r, const field *a) {
    field x223, x22, x2, t;
    power_of_ones(&x223, &x22, &x2, a);
    square_times(&t, &x223, 23);
    field_mul(&t, &t, &x22);
    square_times(&t, &t, 6);
    field_mul(&t, &t, &x2);
    square_times(r, &t, 2);
}

void field_inverse(field *r, const field *a) {
    field x223, x22, x2, t, base = *a;
    power_of_ones(&x223, &x22, &x2, a);
    square_times(&t, &x223, 23);
    field_mul(&t, &t, &x22);
    square_times(&t, &t, 5);
    field_mul(&t, &t, &base);
    square_times(&t, &t, 3);
    field_mul(&t, &t, &x2);
    square_times(&t, &t, 2);
    field_mul(r, &t, &base);
}
