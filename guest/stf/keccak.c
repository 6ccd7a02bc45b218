#include "keccak.h"

#define RATE 136

typedef uint32_t __attribute__((may_alias)) words32;

static inline void xor_byte(keccak *k, uint32_t position, uint8_t byte) {
    words32 *words = (words32 *)k->lanes; /* the machine and the test hosts are little-endian */
    words[position >> 2] ^= (uint32_t)byte << (8 * (position & 3));
}

void keccak_begin(keccak *k) {
    for (int i = 0; i < 25; i++) k->lanes[i] = 0;
    k->position = 0;
}

void keccak_absorb(keccak *k, const uint8_t *bytes, uint32_t length) {
    uint32_t position = k->position;
    for (uint32_t i = 0; i < length; i++) {
        xor_byte(k, position++, bytes[i]);
        if (position == RATE) {
            keccak_permute(k->lanes);
            position = 0;
        }
    }
    k->position = position;
}

void keccak_end(keccak *k, uint8_t digest[32]) {
    xor_byte(k, k->position, 0x01);
    xor_byte(k, RATE - 1, 0x80);
    keccak_permute(k->lanes);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(k->lanes[i >> 3] >> (8 * (i & 7)));
}
