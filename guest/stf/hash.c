#include "hash.h"

#include "hallmark.h"

HALLMARK_STATE HALLMARK_ALIGNED uint32_t buffer[32];

static inline void start(uint32_t tag, uint32_t length) {
    for (int i = 0; i < 32; i++) buffer[i] = 0;
    buffer[0] = tag;
    buffer[2] = length;
}

static inline void finish(digest *r) {
    for (int i = 0; i < 8; i++) r->w[i] = buffer[i];
}

void hash_words(digest *r, uint32_t tag, const uint32_t *words, uint32_t count) {
    start(tag, count);
    for (uint32_t position = 0; position < count; position += 12) {
        uint32_t block = count - position;
        if (block > 12) block = 12;
        for (uint32_t i = 0; i < block; i++) buffer[8 + 2 * i] = words[position + i];
        for (uint32_t i = block; i < 12; i++) buffer[8 + 2 * i] = 0;
        hallmark_poseidon2_compress(buffer);
    }
    finish(r);
}

void hash_digests(digest *r, uint32_t tag, const digest *digests, uint32_t count) {
    start(tag, 4 * count);
    for (uint32_t position = 0; position < count; position += 3) {
        for (uint32_t i = 0; i < 3; i++) {
            for (uint32_t j = 0; j < 8; j++) {
                buffer[8 + 8 * i + j] = position + i < count ? digests[position + i].w[j] : 0;
            }
        }
        hallmark_poseidon2_compress(buffer);
    }
    finish(r);
}

void hash_children(digest *r, const digest *children[4]) {
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 8; j++) buffer[8 * i + j] = children[i]->w[j];
    }
    hallmark_poseidon2_compress(buffer);
    finish(r);
}

void hash_leaf(digest *r, const digest *key, const uint32_t tail[12]) {
    for (int j = 0; j < 8; j++) buffer[j] = key->w[j];
    for (int i = 0; i < 12; i++) {
        buffer[8 + 2 * i] = tail[i];
        buffer[9 + 2 * i] = 0;
    }
    hallmark_poseidon2_compress(buffer);
    finish(r);
}

int digest_is_canonical(const digest *a) {
    for (int i = 0; i < 8; i += 2) {
        if (a->w[i + 1] == 0xffffffffu && a->w[i] != 0) return 0;
    }
    return 1;
}
