#include "state_diffs.h"

#include "keccak.h"

#define DIFF_WORDS 16u
#define ADDRESS_BYTES 20u
/* The code of a nonce of up to two bytes is their number; a larger nonce has this code and all eight bytes. */
#define WIDE_NONCE_CODE 3u
#define NONCE_BYTES 8u
#define BALANCE_BYTES 32u

static inline uint8_t byte_of(const uint32_t *words, uint32_t position) {
    return (uint8_t)(words[position >> 2] >> (8 * (position & 3)));
}

/* Bytes of a little-endian number without the zeros at its top. */
static uint32_t significant(const uint32_t *words, uint32_t bytes) {
    while (bytes != 0 && byte_of(words, bytes - 1) == 0) bytes--;
    return bytes;
}

/* Writes the lowest `bytes` bytes, high byte first; returns where they end. */
static uint8_t *put(uint8_t *at, const uint32_t *words, uint32_t bytes) {
    while (bytes != 0) *at++ = byte_of(words, --bytes);
    return at;
}

void state_diffs_hash(digest *r, const uint32_t *diffs, uint32_t count) {
    keccak k;
    keccak_begin(&k);
    for (; count != 0; count--, diffs += DIFF_WORDS) {
        const uint32_t *nonce = diffs + 5, *balance = diffs + 7;
        uint8_t bytes[ADDRESS_BYTES + 1 + NONCE_BYTES + BALANCE_BYTES];
        uint32_t nonce_bytes = significant(nonce, NONCE_BYTES), code = nonce_bytes;
        uint32_t balance_bytes = significant(balance, BALANCE_BYTES);
        if (nonce_bytes >= WIDE_NONCE_CODE) {
            code = WIDE_NONCE_CODE;
            nonce_bytes = NONCE_BYTES;
        }
        for (uint32_t i = 0; i < ADDRESS_BYTES; i++) bytes[i] = byte_of(diffs, i);
        bytes[ADDRESS_BYTES] = (uint8_t)(code << 6 | balance_bytes);
        uint8_t *end = put(bytes + ADDRESS_BYTES + 1, nonce, nonce_bytes);
        end = put(end, balance, balance_bytes);
        keccak_absorb(&k, bytes, (uint32_t)(end - bytes));
    }
    keccak_end(&k, (uint8_t *)r->w);
}

void data_hash(digest *r, const digest *content, const digest *diffs) {
    keccak k;
    keccak_begin(&k);
    keccak_absorb(&k, (const uint8_t *)content->w, sizeof content->w);
    keccak_absorb(&k, (const uint8_t *)diffs->w, sizeof diffs->w);
    keccak_end(&k, (uint8_t *)r->w);
}
