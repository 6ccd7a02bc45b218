/* 256-bit integers as eight 32-bit words, low word first. */
#ifndef STF_WORDS_H
#define STF_WORDS_H

#include <stdint.h>

typedef struct {
    uint32_t w[8];
} u256;

static inline int same_address(const uint32_t a[5], const uint32_t b[5]) {
    uint32_t any = 0;
    for (int i = 0; i < 5; i++) any |= a[i] ^ b[i];
    return any == 0;
}

static inline void u256_zero(u256 *a) {
    for (int i = 0; i < 8; i++) a->w[i] = 0;
}

static inline int u256_is_zero(const u256 *a) {
    uint32_t any = 0;
    for (int i = 0; i < 8; i++) any |= a->w[i];
    return any == 0;
}

static inline int u256_less(const u256 *a, const u256 *b) {
    for (int i = 7; i >= 0; i--) {
        if (a->w[i] != b->w[i]) return a->w[i] < b->w[i];
    }
    return 0;
}

static inline int u256_equal(const u256 *a, const u256 *b) {
    uint32_t any = 0;
    for (int i = 0; i < 8; i++) any |= a->w[i] ^ b->w[i];
    return any == 0;
}

/* r = a + b mod 2^256; returns the carry. */
static inline uint32_t u256_add(u256 *r, const u256 *a, const u256 *b) {
    uint32_t carry = 0;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        uint32_t partial = a->w[i] + b->w[i];
        uint32_t overflow = partial < b->w[i];
        uint32_t sum = partial + carry;
        carry = overflow | (sum < partial);
        r->w[i] = sum;
    }
    return carry;
}

/* r = a - b mod 2^256; returns the borrow. */
static inline uint32_t u256_sub(u256 *r, const u256 *a, const u256 *b) {
    uint32_t borrow = 0;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        uint32_t partial = a->w[i] - b->w[i];
        uint32_t underflow = a->w[i] < b->w[i];
        uint32_t difference = partial - borrow;
        borrow = underflow | (partial < borrow);
        r->w[i] = difference;
    }
    return borrow;
}

static inline void u256_from_u64(u256 *r, uint64_t a) {
    u256_zero(r);
    r->w[0] = (uint32_t)a;
    r->w[1] = (uint32_t)(a >> 32);
}

/* r = a * b mod 2^256; returns non-zero when the product does not fit. */
static inline uint32_t u256_mul_u64(u256 *r, const u256 *a, uint64_t b) {
    uint32_t product[10] = {0};
    for (int j = 0; j < 2; j++) {
        uint32_t factor = (uint32_t)(j == 0 ? b : b >> 32);
        uint32_t carry = 0;
        for (int i = 0; i < 8; i++) {
            uint64_t t = (uint64_t)a->w[i] * factor + product[i + j] + carry;
            product[i + j] = (uint32_t)t;
            carry = (uint32_t)(t >> 32);
        }
        product[8 + j] = carry;
    }
    for (int i = 0; i < 8; i++) r->w[i] = product[i];
    return product[8] | product[9];
}

/* Reads `length` (at most 32) big-endian bytes. */
static inline void u256_from_bytes(u256 *r, const uint8_t *bytes, uint32_t length) {
    u256_zero(r);
    for (uint32_t i = 0; i < length; i++) {
        uint32_t position = length - 1 - i;
        r->w[position >> 2] |= (uint32_t)bytes[i] << (8 * (position & 3));
    }
}

/* Writes 32 big-endian bytes. */
static inline void u256_to_bytes(uint8_t *bytes, const u256 *a) {
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)(a->w[7 - (i >> 2)] >> (24 - 8 * (i & 3)));
}

#endif
