#include "messages.h"

#include "hallmark.h"
#include "keccak.h"
#include "regions.h"

/* 0x0000000000000000000000000000000000004c31 */
const uint32_t WITHDRAWAL_ADDRESS[5] = {0, 0, 0, 0, 0x314c0000u};

static const digest nothing;

HALLMARK_STATE uint32_t count;

static inline digest *node_at(uint32_t index) { return (digest *)REGION_MESSAGES + index; }

static inline const uint8_t *bytes_of(const digest *d) { return (const uint8_t *)d->w; }

void messages_begin(void) { count = 0; }

void messages_add(const uint32_t to[5], const u256 *amount) {
    keccak k;
    uint8_t value[32];
    u256_to_bytes(value, amount);
    keccak_begin(&k);
    keccak_absorb(&k, (const uint8_t *)to, 20);
    keccak_absorb(&k, value, sizeof value);
    keccak_end(&k, (uint8_t *)node_at(count++)->w);
}

/* Each level takes the place of the one below it: a node is written where no unread one stands. */
void messages_root(digest *root) {
    *root = nothing;
    if (count == 0) return;
    for (uint32_t width = count; width > 1; width = (width + 1) / 2) {
        for (uint32_t i = 0; i < width; i += 2) {
            keccak k;
            keccak_begin(&k);
            keccak_absorb(&k, bytes_of(node_at(i)), 32);
            keccak_absorb(&k, bytes_of(i + 1 < width ? node_at(i + 1) : &nothing), 32);
            keccak_end(&k, (uint8_t *)node_at(i / 2)->w);
        }
    }
    *root = *node_at(0);
}
