#include "output.h"

#include "keccak.h"

/* A 64-bit number as the ABI writes it: 32 bytes, high byte first. */
static void absorb_number(keccak *k, const uint32_t words[2]) {
    uint8_t bytes[32] = {0};
    for (int i = 0; i < 8; i++) bytes[31 - i] = (uint8_t)(words[i >> 2] >> (8 * (i & 3)));
    keccak_absorb(k, bytes, sizeof bytes);
}

static void absorb_digest(keccak *k, const digest *d) { keccak_absorb(k, (const uint8_t *)d->w, sizeof d->w); }

void batch_output(digest *r, const uint32_t *header, const digest *old_root, const digest *new_root,
                  const digest *data, const digest *queue, const digest *messages) {
    keccak k;
    keccak_begin(&k);
    absorb_number(&k, header + 2); /* chain id */
    absorb_number(&k, header + 4); /* batch number */
    absorb_number(&k, header + 6); /* timestamp */
    absorb_digest(&k, old_root);
    absorb_digest(&k, new_root);
    absorb_digest(&k, data);
    absorb_digest(&k, queue);
    absorb_digest(&k, messages);
    keccak_end(&k, (uint8_t *)r->w);
}
