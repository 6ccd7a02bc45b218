/* Recovery without hints: Jacobian coordinates, and one inversion modulo n and modulo p for all items. It can write down
 * the slope of every line it draws, from which recover_hinted.c repeats the same steps in affine coordinates. */
#include "recover.h"

#include "endomorphism.h"
#include "hallmark.h"
#include "recover_hinted.h"

/* Numerators and denominators of the slopes so far. */
typedef struct {
    field numerator[STEPS], denominator[STEPS], prefix[STEPS];
    uint32_t count;
    int mirrored; /* recover_hinted.c has the negative of the point that the next line is drawn through */
    int special;  /* a sum was not of two different points, none at infinity */
} trail;

HALLMARK_STATE trail drawn;

static void draw(const field *numerator, const field *denominator, const field *scale) {
    if (drawn.count == STEPS) {
        drawn.special = 1;
        return;
    }
    if (drawn.mirrored) {
        field_negate(&drawn.numerator[drawn.count], numerator);
    } else {
        drawn.numerator[drawn.count] = *numerator;
    }
    field_mul(&drawn.denominator[drawn.count], denominator, scale);
    drawn.count++;
}

/* r = 2 p, for a point that is not at infinity (no point of this curve has y = 0). With a scale the slope is drawn. */
static void point_double(jacobian *r, const jacobian *p, const field *scale) {
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
    if (scale != 0) draw(&l, &r->z, scale);
}

/* r = p + q for any p; `ratio` receives z(r) / z(p) unless a special case was met. */
static void point_add(jacobian *r, const jacobian *p, const affine *q, field *ratio, const field *scale) {
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
        drawn.special = 1;
        if (field_is_zero(&d)) {
            point_double(r, p, 0);
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
    if (scale != 0) draw(&d, &r->z, scale);
}

/* sum = 2 sum + q as sum + (sum + q), drawing both lines. */
static void point_double_add(jacobian *sum, const affine *q, const field *scale) {
    jacobian p = *sum, t;
    field ratio, h, d, hh;
    point_add(&t, &p, q, &ratio, scale);
    if (!drawn.special) {
        /* Bring the first point to the z coordinate of the sum, where adding is simple. */
        field_sqr(&hh, &ratio);
        field_mul(&p.x, &p.x, &hh);
        field_mul(&hh, &hh, &ratio);
        field_mul(&p.y, &p.y, &hh);
        field_sub(&h, &t.x, &p.x);
        field_sub(&d, &t.y, &p.y);
        drawn.special = field_is_zero(&h);
    }
    if (drawn.special) {
        point_double(sum, sum, 0);
        point_add(sum, sum, q, 0, 0);
        return;
    }
    field_sqr(&hh, &h);
    field_mul(&p.x, &p.x, &hh);
    field_mul(&hh, &hh, &h);
    field_mul(&sum->z, &t.z, &h);
    field_sqr(&sum->x, &d);
    field_sub(&sum->x, &sum->x, &p.x);
    field_sub(&sum->x, &sum->x, &p.x);
    field_sub(&sum->x, &sum->x, &hh);
    field_sub(&p.x, &p.x, &sum->x);
    field_mul(&p.x, &p.x, &d);
    field_mul(&p.y, &p.y, &hh);
    field_sub(&sum->y, &p.x, &p.y);
    sum->infinity = 0;
    draw(&d, &sum->z, scale);
}

/* The odd multiples of a point, all with the same z coordinate, which is left out: points of an isomorphic curve. */
static void odd_multiples(affine table[TABLE_R], field *z, const affine *point, int drawing) {
    jacobian base, twice;
    field ratios[TABLE_R], zz, zzz;
    affine step;
    base.x = point->x;
    base.y = point->y;
    u256_zero(&base.z);
    base.z.w[0] = 1;
    base.infinity = 0;
    drawn.mirrored = 0;
    point_double(&twice, &base, drawing ? &base.z : 0);
    step.x = twice.x;
    step.y = twice.y;
    field_sqr(&zz, &twice.z);
    field_mul(&zzz, &zz, &twice.z);
    field_mul(&base.x, &point->x, &zz);
    field_mul(&base.y, &point->y, &zzz);
    table[0].x = base.x;
    table[0].y = base.y;
    for (int i = 1; i < TABLE_R; i++) {
        point_add(&base, &base, &step, &ratios[i], drawing ? &twice.z : 0);
        drawn.mirrored = !drawn.mirrored;
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

/* sum = a G + b R */
static void combine(jacobian *sum, const scalar *a, const scalar *b, const affine *point, int drawing) {
    int16_t digits[4][DIGITS];
    affine table[TABLE_R], entry;
    field rotated[TABLE_R], z, zz[2], zzz;
    split_and_recode(digits, a, b);
    odd_multiples(table, &z, point, drawing);
    for (int i = 0; i < TABLE_R; i++) field_mul(&rotated[i], &table[i].x, &BETA);
    field_sqr(&zz[0], &z);
    field_mul(&zzz, &zz[0], &z);
    field_mul(&zz[1], &zz[0], &BETA);
    const field *scale = drawing ? &z : 0;
    sum->infinity = 1;
    for (int i = DIGITS - 1; i >= 0; i--) {
        int doubled = sum->infinity;
        if (!drawing && !doubled) {
            point_double(sum, sum, 0);
            doubled = 1;
        }
        for (int j = 0; j < 4; j++) {
            int digit = digits[j][i];
            if (digit == 0) continue;
            int index = (digit < 0 ? -digit : digit) >> 1;
            if (j < 2) {
                field_mul(&entry.x, &TABLE_G[index].x, &zz[j]);
                field_mul(&entry.y, &TABLE_G[index].y, &zzz);
            } else {
                entry.x = j == 2 ? table[index].x : rotated[index];
                entry.y = table[index].y;
            }
            if (digit < 0) field_negate(&entry.y, &entry.y);
            int begins = sum->infinity;
            if (doubled) {
                point_add(sum, sum, &entry, 0, scale);
            } else {
                point_double_add(sum, &entry, scale);
                doubled = 1;
            }
            drawn.mirrored = begins ? held_mirrored(j, digit) : !drawn.mirrored;
        }
        if (!doubled) {
            point_double(sum, sum, scale);
            drawn.mirrored = !drawn.mirrored;
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

/* Writes the hints of one item: the kind, and if it is 1, y, 1 / r and the slopes. */
static void write_hints(hints *h, const affine *point, const scalar *r_inverse, int usable) {
    uint32_t *to = h->made + h->made_words;
    *to++ = usable ? HINT_SLOPES : HINT_NONE;
    if (usable) {
        field product, inverse, slope;
        for (int i = 0; i < 8; i++) to[i] = point->y.w[i];
        for (int i = 0; i < 8; i++) to[8 + i] = r_inverse->w[i];
        to += 16;
        u256_zero(&product);
        product.w[0] = 1;
        for (uint32_t i = 0; i < drawn.count; i++) {
            drawn.prefix[i] = product;
            field_mul(&product, &product, &drawn.denominator[i]);
        }
        field_inverse(&inverse, &product);
        for (uint32_t i = drawn.count; i-- > 0;) {
            field_mul(&slope, &inverse, &drawn.prefix[i]);
            field_mul(&slope, &slope, &drawn.numerator[i]);
            field_mul(&inverse, &inverse, &drawn.denominator[i]);
            field_normalize(&slope);
            for (int j = 0; j < 8; j++) to[8 * i + j] = slope.w[j];
        }
        to += 8 * drawn.count;
    }
    h->made_words = (uint32_t)(to - h->made);
}

/* Recovers items whose `recovered` is PENDING. */
static void recover_without_hints(recovery *items, uint32_t count, hints *h) {
    scalar product, inverse;
    u256_zero(&product);
    product.w[0] = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].recovered != PENDING) continue;
        items[i].prefix = product;
        scalar_mul(&product, &product, &items[i].r);
    }
    scalar_inverse(&inverse, &product);
    for (uint32_t i = count; i-- > 0;) {
        if (items[i].recovered != PENDING) continue;
        /* From here on `prefix` holds 1 / r. */
        scalar_mul(&product, &inverse, &items[i].prefix);
        scalar_mul(&inverse, &inverse, &items[i].r);
        items[i].prefix = product;
    }
    field z_product, z_inverse;
    u256_zero(&z_product);
    z_product.w[0] = 1;
    for (uint32_t i = 0; i < count; i++) {
        recovery *item = &items[i];
        if (item->recovered != PENDING) continue;
        scalar u1, u2;
        affine point;
        drawn.count = 0;
        drawn.special = 0;
        if (lift(&point, &item->r, item->parity)) {
            scalar_mul(&u1, &item->e, &item->prefix);
            scalar_negate(&u1, &u1);
            scalar_mul(&u2, &item->s, &item->prefix);
            combine(&item->sum, &u1, &u2, &point, h->made != 0);
        } else {
            item->sum.infinity = 1;
        }
        if (h->made != 0) write_hints(h, &point, &item->prefix, !item->sum.infinity && !drawn.special);
        if (item->sum.infinity) {
            item->recovered = 0;
            continue;
        }
        item->prefix = z_product;
        field_mul(&z_product, &z_product, &item->sum.z);
    }
    field_inverse(&z_inverse, &z_product);
    for (uint32_t i = count; i-- > 0;) {
        recovery *item = &items[i];
        if (item->recovered != PENDING) continue;
        field z, zz;
        field_mul(&z, &z_inverse, &item->prefix);
        field_mul(&z_inverse, &z_inverse, &item->sum.z);
        field_sqr(&zz, &z);
        field_mul(&item->key.x, &item->sum.x, &zz);
        field_mul(&zz, &zz, &z);
        field_mul(&item->key.y, &item->sum.y, &zz);
        field_normalize(&item->key.x);
        field_normalize(&item->key.y);
        item->recovered = 1;
    }
}

int recover_batch(recovery *items, uint32_t count, hints *h) {
    uint32_t pending = 0;
    for (uint32_t i = 0; i < count; i++) {
        items[i].recovered = PENDING;
        if (h->at != 0 && !recover_hinted(&items[i], h)) return 0;
        pending += items[i].recovered == PENDING;
    }
    if (pending != 0) recover_without_hints(items, count, h);
    return h->at == h->end;
}
