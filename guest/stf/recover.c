#include "recover.h"

#include "secp256k1_tables.h"

#define WINDOW_R 5
#define TABLE_R (1 << (WINDOW_R - 2))
#define DIGITS 132 /* of a 129-bit number in signed windows */

/* r = 2 p, for a point that is not at infinity (no point of this curve has y = 0). */
static void point_double(jacobian *r, const jacobian *p) {
    field l, s, t, x, y;
    field_sqr(&l, &p->x);
    field_triple(&l, &l);
    field_half(&l, &l);
    field_sqr(&s, &p->y);
    field_mul(&t, &p->x, &s);
    field_mul(&r->z, &p->y, &p->z);
    field_sqr(&x, &l);
    field_sub(&x, &x, &t);
    field_sub(&x, &x, &t);
    field_sub(&t, &t, &x);
    field_mul(&y, &l, &t);
    field_sqr(&s, &s);
    field_sub(&r->y, &y, &s);
    r->x = x;
    r->infinity = 0;
}

/* r = p + q for any p; `ratio` receives z(r) / z(p) unless a special case was met. */
static void point_add(jacobian *r, const jacobian *p, const affine *q, field *ratio) {
    field zz, u, s, h, d, hh, v, t;
    if (p->infinity) {
        r->x = q->x;
        r->y = q->y;
        u256_zero(&r->z);
        r->z.w[0] = 1;
        r->infinity = 0;
        return;
    }
    field_sqr(&zz, &p->z);
    field_mul(&u, &q->x, &zz);
    field_mul(&s, &q->y, &zz);
    field_mul(&s, &s, &p->z);
    field_sub(&h, &u, &p->x);
    field_sub(&d, &s, &p->y);
    if (field_is_zero(&h)) {
        if (field_is_zero(&d)) {
            point_double(r, p);
        } else {
            r->infinity = 1;
        }
        return;
    }
    field_sqr(&hh, &h);
    field_mul(&v, &p->x, &hh);
    field_mul(&hh, &hh, &h);
    field_mul(&r->z, &p->z, &h);
    field_mul(&t, &p->y, &hh);
    field_sqr(&s, &d);
    field_sub(&s, &s, &hh);
    field_sub(&s, &s, &v);
    field_sub(&r->x, &s, &v);
    field_sub(&v, &v, &r->x);
    field_mul(&v, &v, &d);
    field_sub(&r->y, &v, &t);
    r->infinity = 0;
    if (ratio != 0) *ratio = h;
}

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
static void recode(int8_t digits[DIGITS], const u256 *k, int width, int negative) {
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
        digits[position] = (int8_t)(negative ? -digit : digit);
        position += width;
    }
}

/* The odd multiples of a point, all with the same z coordinate, which is left out: points of an isomorphic curve. */
static void odd_multiples(affine table[TABLE_R], field *z, const affine *point) {
    jacobian base, twice;
    field ratios[TABLE_R], zz, zzz;
    affine step;
    base.x = point->x;
    base.y = point->y;
    u256_zero(&base.z);
    base.z.w[0] = 1;
    base.infinity = 0;
    point_double(&twice, &base);
    step.x = twice.x;
    step.y = twice.y;
    field_sqr(&zz, &twice.z);
    field_mul(&zzz, &zz, &twice.z);
    field_mul(&base.x, &point->x, &zz);
    field_mul(&base.y, &point->y, &zzz);
    table[0].x = base.x;
    table[0].y = base.y;
    for (int i = 1; i < TABLE_R; i++) {
        point_add(&base, &base, &step, &ratios[i]);
        table[i].x = base.x;
        table[i].y = base.y;
    }
    field_mul(z, &base.z, &twice.z);
    field scale = ratios[TABLE_R - 1];
    for (int i = TABLE_R - 2; i >= 0; i--) {
        if (i != TABLE_R - 2) field_mul(&scale, &scale, &ratios[i + 1]);
        field_sqr(&zz, &scale);
        field_mul(&zzz, &zz, &scale);
        field_mul(&table[i].x, &table[i].x, &zz);
        field_mul(&table[i].y, &table[i].y, &zzz);
    }
}

static inline void signed_y(field *y, const field *from, int digit) {
    if (digit < 0) {
        field_negate(y, from);
    } else {
        *y = *from;
    }
}

/* sum = a G + b R */
static void combine(jacobian *sum, const scalar *a, const scalar *b, const affine *point) {
    int8_t digits[4][DIGITS];
    u256 low, high;
    affine table[TABLE_R], entry;
    field rotated[TABLE_R], z, zz[2], zzz;
    uint32_t signs = split(&low, &high, a);
    recode(digits[0], &low, WINDOW_G, signs & 1);
    recode(digits[1], &high, WINDOW_G, signs & 2);
    signs = split(&low, &high, b);
    recode(digits[2], &low, WINDOW_R, signs & 1);
    recode(digits[3], &high, WINDOW_R, signs & 2);
    odd_multiples(table, &z, point);
    for (int i = 0; i < TABLE_R; i++) field_mul(&rotated[i], &table[i].x, &BETA);
    field_sqr(&zz[0], &z);
    field_mul(&zzz, &zz[0], &z);
    field_mul(&zz[1], &zz[0], &BETA);
    sum->infinity = 1;
    for (int i = DIGITS - 1; i >= 0; i--) {
        if (!sum->infinity) point_double(sum, sum);
        for (int j = 0; j < 4; j++) {
            int digit = digits[j][i];
            if (digit == 0) continue;
            int index = (digit < 0 ? -digit : digit) >> 1;
            if (j < 2) {
                field_mul(&entry.x, &TABLE_G[index].x, &zz[j]);
                field_mul(&entry.y, &TABLE_G[index].y, &zzz);
                if (digit < 0) field_negate(&entry.y, &entry.y);
            } else {
                entry.x = j == 2 ? table[index].x : rotated[index];
                signed_y(&entry.y, &table[index].y, digit);
            }
            point_add(sum, sum, &entry, 0);
        }
    }
    if (!sum->infinity) field_mul(&sum->z, &sum->z, &z);
}

/* The point with x coordinate r and the given parity of y; 0 when there is none. */
static int lift(affine *point, const scalar *r, uint32_t parity) {
    field t, check;
    point->x = *r;
    field_sqr(&t, r);
    field_mul(&t, &t, r);
    u256_zero(&check);
    check.w[0] = 7;
    field_add(&t, &t, &check);
    field_root(&point->y, &t);
    field_sqr(&check, &point->y);
    field_sub(&check, &check, &t);
    if (!field_is_zero(&check)) return 0;
    field_normalize(&point->y);
    if ((point->y.w[0] & 1) != parity) {
        field_negate(&point->y, &point->y);
        field_normalize(&point->y);
    }
    return 1;
}

void recover_batch(recovery *items, uint32_t count) {
    scalar product, inverse;
    u256_zero(&product);
    product.w[0] = 1;
    for (uint32_t i = 0; i < count; i++) {
        items[i].prefix = product;
        scalar_mul(&product, &product, &items[i].r);
    }
    if (count == 0) return;
    scalar_inverse(&inverse, &product);
    for (uint32_t i = count; i-- > 0;) {
        recovery *item = &items[i];
        scalar r_inverse, u1, u2;
        affine point;
        scalar_mul(&r_inverse, &inverse, &item->prefix);
        scalar_mul(&inverse, &inverse, &item->r);
        item->recovered = 0;
        if (!lift(&point, &item->r, item->parity)) continue;
        scalar_mul(&u1, &item->e, &r_inverse);
        scalar_negate(&u1, &u1);
        scalar_mul(&u2, &item->s, &r_inverse);
        combine(&item->sum, &u1, &u2, &point);
        item->recovered = !item->sum.infinity;
    }
    field z_product, z_inverse;
    u256_zero(&z_product);
    z_product.w[0] = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (!items[i].recovered) continue;
        items[i].prefix = z_product;
        field_mul(&z_product, &z_product, &items[i].sum.z);
    }
    field_inverse(&z_inverse, &z_product);
    for (uint32_t i = count; i-- > 0;) {
        recovery *item = &items[i];
        if (!item->recovered) continue;
        field z, zz;
        field_mul(&z, &z_inverse, &item->prefix);
        field_mul(&z_inverse, &z_inverse, &item->sum.z);
        field_sqr(&zz, &z);
        field_mul(&item->key.x, &item->sum.x, &zz);
        field_mul(&zz, &zz, &z);
        field_mul(&item->key.y, &item->sum.y, &zz);
        field_normalize(&item->key.x);
        field_normalize(&item->key.y);
    }
}
