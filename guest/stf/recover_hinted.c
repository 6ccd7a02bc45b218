/* The steps that recover.c draws, in affine coordinates. A sum of two points takes the slope of the line through them, which is a
 * quotient: here it is a hint, and one product checks it.
 *
 * Each step leaves the third point of the line through its points, which is the negative of their sum: for it,
 * y3 = (x3 - x1) slope + y1 is one request, with the same second factor and sum as the check. So every other sum is held
 * mirrored, with the y of its negative, and the slopes of lines through mirrored points are given mirrored. The products'
 * operands stay in place between requests: no result is moved.
 *
 * The check (x2 - x1) slope + y1 = y2 determines the slope only when x2 differs from x1, so equal x coordinates are
 * refused; recover.c makes no slopes for a signature that meets them. In a doubling y is never zero. All coordinates are
 * below p, so equal ones have equal words. */
#include "recover_hinted.h"

#include "endomorphism.h"

typedef struct {
    affine at;
} __attribute__((aligned(32))) point;

/* Of the line at hand: slope and y1, then slope and -x1 - x2. */
HALLMARK_STATE field_factors line = {.p = FIELD_PRIME}, square = {.p = FIELD_PRIME};
/* Second factors alone; the last one's changes. */
HALLMARK_STATE field_factors minus_three_halves = {
    .b = {{0x7ffffe16u, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x7fffffffu}},
    .p = FIELD_PRIME};
HALLMARK_STATE field_factors minus_two = {
    .b = {{0xfffffc2du, 0xfffffffeu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}},
    .p = FIELD_PRIME};
HALLMARK_STATE field_factors factor = {.p = FIELD_PRIME};

static const field *take(hints *h) {
    if ((uint32_t)(h->end - h->at) < 8) return 0;
    const field *next = (const field *)h->at;
    h->at += 8;
    return next;
}

static inline void set_slope(const field *slope) { line.b = square.b = *slope; }

/* The x of the third point of the line through p, `x2` and the slope that was set. */
static inline void third_x(field *x, const field *x1, const field *x2) {
    field_negated_sum(&square.c, x1, x2);
    *x = square.b;
    field_multiply_add(x, &square);
}

/* The third point; r is not p, whose y stands in the line. */
static inline void third_point(point *r, const point *p, const field *x2) {
    third_x(&r->at.x, &p->at.x, x2);
    field_sub(&r->at.y, &r->at.x, &p->at.x);
    field_multiply_add(&r->at.y, &line);
}

/* Sets the line through p with a slope, which must meet the other point, (x, y) or (x, -y) when that is `mirrored`. */
static inline int through(const point *p, const field *x, const field *y, int mirrored, const field *slope) {
    point check;
    if (slope == 0 || u256_equal(x, &p->at.x)) return 0;
    set_slope(slope);
    line.c = p->at.y;
    field_sub(&check.at.x, x, &p->at.x);
    field_multiply_add(&check.at.x, &line);
    return mirrored ? field_opposite(&check.at.x, y) : u256_equal(&check.at.x, y);
}

/* r = -2 p. The slope is right when y slope - 3/2 x^2 = 0. */
static int double_point(point *r, const point *p, const field *slope) {
    point check;
    if (slope == 0) return 0;
    set_slope(slope);
    factor.b = line.c = p->at.x;
    field_multiply_add(&line.c, &minus_three_halves);
    field_multiply_add(&line.c, &factor);
    check.at.y = p->at.y;
    field_multiply_add(&check.at.y, &line);
    if (!u256_is_zero(&check.at.y)) return 0;
    square.c = p->at.x;
    field_multiply_add(&square.c, &minus_two);
    r->at.x = square.b;
    field_multiply_add(&r->at.x, &square);
    line.c = p->at.y;
    field_sub(&r->at.y, &r->at.x, &p->at.x);
    field_multiply_add(&r->at.y, &line);
    return 1;
}

/* r = -(p + q) */
static int add_points(point *r, const point *p, const field *x, const field *y, int mirrored, const field *slope) {
    if (!through(p, x, y, mirrored, slope)) return 0;
    third_point(r, p, x);
    return 1;
}

/* r = -(2 p + q) as p + (p + q), with the slopes of both sums. The second point's y is not needed: from
 * y3 = slope1 (x1 - x3) - y1 follows (slope1 + slope2) (x3 - x1) + y1 = -y1. When x3 is x1 no slope2 solves it, as y1 is not
 * zero; else one does. */
static int double_and_add(point *r, const point *p, const field *x, const field *y, int mirrored, const field *slope1,
                          const field *slope2) {
    point check, sum;
    if (slope2 == 0 || !through(p, x, y, mirrored, slope1)) return 0;
    third_x(&sum.at.x, &p->at.x, x);
    field_add(&line.b, slope1, slope2);
    field_sub(&check.at.x, &sum.at.x, &p->at.x);
    field_multiply_add(&check.at.x, &line);
    if (!field_opposite(&check.at.x, &p->at.y)) return 0;
    set_slope(slope2);
    third_point(r, p, &sum.at.x);
    return 1;
}

/* The odd multiples of a point, every other one mirrored; of rotated ones only the x coordinates. */
static int odd_multiples(point table[TABLE_R], point rotated[TABLE_R], const affine *base, hints *h) {
    point twice;
    table[0].at = *base;
    if (!double_point(&twice, &table[0], take(h))) return 0;
    for (int i = 1; i < TABLE_R; i++) {
        /* Twice the point is mirrored: as seen from a mirrored one it is not. */
        if (!add_points(&table[i], &table[i - 1], &twice.at.x, &twice.at.y, i & 1, take(h))) return 0;
    }
    factor.b = BETA;
    for (int i = 0; i < TABLE_R; i++) {
        rotated[i].at.x = table[i].at.x;
        field_multiply_add(&rotated[i].at.x, &factor);
    }
    return 1;
}

static int combine(affine *result, const scalar *a, const scalar *b, const affine *base, hints *h) {
    int16_t digits[4][DIGITS];
    point table[TABLE_R], rotated[TABLE_R], points[2], entry;
    point *sum = &points[0], *next = &points[1];
    int infinity = 1, mirrored = 0;
    split_and_recode(digits, a, b);
    if (!odd_multiples(table, rotated, base, h)) return 0;
    for (int i = DIGITS - 1; i >= 0; i--) {
        int doubled = infinity;
        for (int j = 0; j < 4; j++) {
            int digit = digits[j][i];
            if (digit == 0) continue;
            int index = (digit < 0 ? -digit : digit) >> 1;
            const affine *known = j < 2 ? &TABLE_G[index] : &table[index].at;
            const field *x = j == 3 ? &rotated[index].at.x : &known->x;
            if (j == 1) {
                entry.at.x = known->x;
                factor.b = BETA;
                field_multiply_add(&entry.at.x, &factor);
                x = &entry.at.x;
            }
            int opposite = held_mirrored(j, digit);
            if (infinity) {
                sum->at.x = *x;
                sum->at.y = known->y;
                mirrored = opposite;
                infinity = 0;
                continue;
            }
            if (doubled) {
                if (!add_points(next, sum, x, &known->y, mirrored ^ opposite, take(h))) return 0;
            } else {
                const field *first = take(h), *second = take(h);
                if (!double_and_add(next, sum, x, &known->y, mirrored ^ opposite, first, second)) return 0;
                doubled = 1;
            }
            point *free = sum;
            sum = next;
            next = free;
            mirrored = !mirrored;
        }
        if (!doubled) {
            if (!double_point(next, sum, take(h))) return 0;
            point *free = sum;
            sum = next;
            next = free;
            mirrored = !mirrored;
        }
    }
    *result = sum->at;
    if (mirrored) field_negate(&result->y, &result->y);
    return !infinity;
}

/* Whether y^2 = x^3 + 7. */
static int on_curve(const affine *p) {
    point left, right;
    factor.b = right.at.x = p->x;
    field_multiply_add(&right.at.x, &factor);
    line.b = p->x;
    u256_from_u64(&line.c, 7);
    field_multiply_add(&right.at.x, &line);
    factor.b = left.at.x = p->y;
    field_multiply_add(&left.at.x, &factor);
    return u256_equal(&left.at.x, &right.at.x);
}

int recover_hinted(recovery *item, hints *h) {
    if (h->at == h->end) return 0;
    uint32_t kind = *h->at++;
    if (kind == HINT_NONE) return 1;
    const field *y = take(h), *r_inverse = take(h);
    if (kind != HINT_SLOPES || y == 0 || r_inverse == 0) return 0;
    affine base;
    scalar inverse, u1, u2;
    base.x = item->r;
    base.y = *y;
    field_normalize(&base.y);
    if ((base.y.w[0] & 1) != item->parity || !on_curve(&base)) return 0;
    scalar_reduce(&inverse, r_inverse);
    scalar_mul(&u1, &inverse, &item->r);
    u1.w[0] ^= 1;
    if (!u256_is_zero(&u1)) return 0;
    scalar_mul(&u1, &item->e, &inverse);
    scalar_negate(&u1, &u1);
    scalar_mul(&u2, &item->s, &inverse);
    if (!combine(&item->key, &u1, &u2, &base, h)) return 0;
    field_normalize(&item->key.y);
    item->recovered = 1;
    return 1;
}
