/* The root of a tree over an array, four digests at a time, by the compression of the machine. */
#include "hallmark.h"

#define DIGEST 8
#define LEAVES (1u << 16)

static uint32_t digests[LEAVES * DIGEST], buffer[32] HALLMARK_ALIGNED;

int main(void) {
    uint32_t count = hallmark_read_word();
    if (count > LEAVES) count = LEAVES;
    for (uint32_t i = 0; i < count * DIGEST; i += 2) digests[i] = i;
    for (; count > 1; count /= 4) {
        const uint32_t *children = digests;
        uint32_t *parent = digests;
        for (uint32_t i = 0; i < count / 4; i++) {
            for (uint32_t j = 0; j < 32; j++) buffer[j] = children[j];
            hallmark_poseidon2_compress(buffer);
            for (uint32_t j = 0; j < DIGEST; j++) parent[j] = buffer[j];
            children += 32;
            parent += DIGEST;
        }
    }
    hallmark_exit(digests);
}
