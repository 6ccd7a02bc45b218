/* Keccak-256 as Ethereum uses it (padding 0x01, not SHA-3's 0x06). */
#ifndef STF_KECCAK_H
#define STF_KECCAK_H

#include <stdint.h>

typedef struct {
    uint64_t lanes[25]; /* aligned as requests want them */
    uint32_t position;  /* bytes absorbed of the current block, 0 to 135 */
} __attribute__((aligned(256))) keccak;

/* Keccak-f[1600] of a state's lanes: by a request in the state-transition program, in software in the example. */
void keccak_permute(uint64_t lanes[25]);

void keccak_begin(keccak *k);
void keccak_absorb(keccak *k, const uint8_t *bytes, uint32_t length);
void keccak_end(keccak *k, uint8_t digest[32]);

#endif
