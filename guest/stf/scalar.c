#include "scalar.h"

#include "hallmark_modular.h"

/* SEC 2, version 2, section 2.4.1 */
const u256 SCALAR_ORDER = {{0xd0364141u, 0xbfd25e8cu, 0xaf48a03bu, 0xbaaedce6u, 0xfffffffeu, 0xffffffffu, 0xffffffffu,
                            0xffffffffu}};

static const u256 HALF_ORDER = {{0x681b20a0u, 0xdfe92f46u, 0x57a4501du, 0x5d576e73u, 0xffffffffu, 0xffffffffu,
                                 0xffffffffu, 0x7fffffffu}};

HALLMARK_STATE hallmark_modulus product = {
    .bcm = {[16] = 0xd0364141u, 0xbfd25e8cu, 0xaf48a03bu, 0xbaaedce6u, 0xfffffffeu, 0xffffffffu, 0xffffffffu, 0xffffffffu}};

static void multiply(uint32_t t[16], const u256 *a, const u256 *b) {
    for (int i = 0; i < 16; i++) t[i] = 0;
    for (int j = 0; j < 8; j++) {
        uint32_t carry = 0;
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            uint64_t sum = (uint64_t)a->w[i] * b->w[j] + t[i + j] + carry;
            t[i + j] = (uint32_t)sum;
            carry = (uint32_t)(sum >> 32);
        }
        t[8 + j] = carry;
    }
}

void scalar_reduce(scalar *r, const u256 *a) {
    u256 reduced;
    *r = *a;
    if (!u256_less(r, &SCALAR_ORDER)) {
        u256_sub(&reduced, r, &SCALAR_ORDER);
        *r = reduced;
    }
}

void scalar_mul(scalar *r, const scalar *a, const scalar *b) { hallmark_multiply(&product, r->w, a->w, b->w); }

void scalar_add(scalar *r, const scalar *a, const scalar *b) {
    u256 sum, reduced;
    uint32_t carry = u256_add(&sum, a, b);
    uint32_t borrow = u256_sub(&reduced, &sum, &SCALAR_ORDER);
    *r = carry != 0 || borrow == 0 ? reduced : sum;
}

void scalar_negate(scalar *r, const scalar *a) {
    if (u256_is_zero(a)) {
        *r = *a;
        return;
    }
    u256_sub(r, &SCALAR_ORDER, a);
}

int scalar_is_high(const scalar *a) { return u256_less(&HALF_ORDER, a); }

void scalar_mul_shift_384(u256 *r, const u256 *a, const u256 *b) {
    uint32_t t[16];
    multiply(t, a, b);
    uint32_t carry = t[11] >> 31;
    for (int i = 0; i < 4; i++) {
        r->w[i] = t[12 + i] + carry;
        carry = carry & (r->w[i] == 0);
    }
    r->w[4] = carry;
    for (int i = 5; i < 8; i++) r->w[i] = 0;
}

void scalar_inverse(scalar *r, const scalar *a) {
    scalar powers[16];
    u256_zero(&powers[0]);
    powers[0].w[0] = 1;
    for (int i = 1; i < 16; i++) scalar_mul(&powers[i], &powers[i - 1], a);
    u256 exponent = SCALAR_ORDER;
    exponent.w[0] -= 2;
    scalar result = powers[0];
    for (int i = 63; i >= 0; i--) {
        for (int j = 0; j < 4; j++) scalar_mul(&result, &result, &result);
        scalar_mul(&result, &result, &powers[(exponent.w[i >> 3] >> (4 * (i & 7))) & 15]);
    }
    *r = result;
}
