/* The steps that recover.c draws, in affine coordinates. A sum of two points takes the slope of the line through them, which is a
 * quotient: here it is a hint, and one multiplication checks it. That leaves three multiplications for an addition, four for
 * a doubling and five for both together, where Jacobian coordinates need eleven, seven and eighteen.
 *
 * The check (x2 - x1) slope = y2 - y1 determines the slope only when x2 differs from x1, so equal x coordinates are
 * refused; recover.c makes no slopes for a signature that meets them. In a doubling y is never zero. */
#include "recover_hinted.h"

#include "endomorphism.h"

static const field *take(hints *h) {
    if ((uint32_t)(h->end - h->at) < 8) return 0;
    const field *next = (const field *)h->at;
    h->at += 8;
    return next;
}

/* The third point of the line through p with this slope, whose other x coordinate is `x2`, negated. */
static inline void third_point(affine *r, const affine *p, const field *x2, const field *slope) {
    field x, y;
    field_sqr(&x, slope);
    field_sub_two(&x, &x, &p->x, x2);
    field_sub(&y, &p->x, &x);
    field_mul(&y, &y, slope);
    field_sub(&r->y, &y, &p->y);
    r->x = x;
}

static int affine_double(affine *r, const affine *p, const field *slope) {
    field left, right;
    if (slope == 0) return 0;
    field_add(&left, &p->y, &p->y);
    field_mul(&left, &left, slope);
    field_sqr(&right, &p->x);
    field_triple(&right, &right);
    if (!field_equal(&left, &right)) return 0;
    third_point(r, p, &p->x, slope);
    return 1;
}

static int affine_add(affine *r, const affine *p, const affine *q, const field *slope) {
    field left, right;
    if (slope == 0) return 0;
    field_sub(&left, &q->x, &p->x);
    if (field_is_zero(&left)) return 0;
    field_mul(&left, &left, slope);
    field_sub(&right, &q->y, &p->y);
    if (!field_equal(&left, &right)) return 0;
    third_point(r, p, &q->x, slope);
    return 1;
}

/* r = 2 p + q as p + (p + q), with the slopes of both sums. The second point's y is not needed: from
 * y3 = slope1 (x1 - x3) - y1 follows (slope1 + slope2) (x1 - x3) = 2 y1, which determines slope2 when x3 differs from x1. */
static int affine_double_add(affine *r, const affine *p, const affine *q, const field *slope1, const field *slope2) {
    field left, right, x;
    if (slope1 == 0 || slope2 == 0) return 0;
    field_sub(&left, &q->x, &p->x);
    if (field_is_zero(&left)) return 0;
    field_mul(&left, &left, slope1);
    field_sub(&right, &q->y, &p->y);
    if (!field_equal(&left, &right)) return 0;
    field_sqr(&x, slope1);
    field_sub_two(&x, &x, &p->x, &q->x);
    field_sub(&left, &p->x, &x);
    if (field_is_zero(&left)) return 0;
    field_add(&right, slope1, slope2);
    field_mul(&left, &left, &right);
    field_add(&right, &p->y, &p->y);
    if (!field_equal(&left, &right)) return 0;
    third_point(r, p, &x, slope2);
    return 1;
}

static int combine(affine *sum, const scalar *a, const scalar *b, const affine *point, hints *h) {
    int16_t digits[4][DIGITS];
    affine table[TABLE_R], twice, entry;
    field rotated[TABLE_R];
    int infinity = 1;
    split_and_recode(digits, a, b);
    table[0] = *point;
    if (!affine_double(&twice, point, take(h))) return 0;
    for (int i = 1; i < TABLE_R; i++) {
        if (!affine_add(&table[i], &table[i - 1], &twice, take(h))) return 0;
    }
    for (int i = 0; i < TABLE_R; i++) field_mul(&rotated[i], &table[i].x, &BETA);
    for (int i = DIGITS - 1; i >= 0; i--) {
        int doubled = infinity;
        for (int j = 0; j < 4; j++) {
            int digit = digits[j][i];
            if (digit == 0) continue;
            int index = (digit < 0 ? -digit : digit) >> 1;
            const affine *known = j < 2 ? &TABLE_G[index] : &table[index];
            if (j == 1) {
                field_mul(&entry.x, &known->x, &BETA);
            } else {
                entry.x = j == 3 ? rotated[index] : known->x;
            }
            if (digit < 0) {
                field_negate(&entry.y, &known->y);
            } else {
                entry.y = known->y;
            }
            if (infinity) {
                *sum = entry;
                infinity = 0;
            } else if (!doubled) {
                const field *first = take(h), *second = take(h);
                if (!affine_double_add(sum, sum, &entry, first, second)) return 0;
                doubled = 1;
            } else if (!affine_add(sum, sum, &entry, take(h))) {
                return 0;
            }
        }
        if (!doubled && !affine_double(sum, sum, take(h))) return 0;
    }
    return !infinity;
}

int recover_hinted(recovery *item, hints *h) {
    if (h->at == h->end) return 0;
    uint32_t kind = *h->at++;
    if (kind == HINT_NONE) return 1;
    const field *y = take(h), *r_inverse = take(h);
    if (kind != HINT_SLOPES || y == 0 || r_inverse == 0) return 0;
    affine point;
    field left, right;
    scalar inverse, u1, u2;
    point.x = item->r;
    point.y = *y;
    field_normalize(&point.y);
    if ((point.y.w[0] & 1) != item->parity) return 0;
    field_sqr(&right, &point.x);
    field_mul(&right, &right, &point.x);
    u256_zero(&left);
    left.w[0] = 7;
    field_add(&right, &right, &left);
    field_sqr(&left, &point.y);
    if (!field_equal(&left, &right)) return 0;
    scalar_reduce(&inverse, r_inverse);
    scalar_mul(&u1, &inverse, &item->r);
    u1.w[0] ^= 1;
    if (!u256_is_zero(&u1)) return 0;
    scalar_mul(&u1, &item->e, &inverse);
    scalar_negate(&u1, &u1);
    scalar_mul(&u2, &item->s, &inverse);
    if (!combine(&item->key, &u1, &u2, &point, h)) return 0;
    field_normalize(&item->key.x);
    field_normalize(&item->key.y);
    item->recovered = 1;
    return 1;
}
