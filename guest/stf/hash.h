/* The fixed-length hash H(tag, elements) over the Poseidon2 precompile. */
#ifndef STF_HASH_H
#define STF_HASH_H

#include <stdint.h>

#define TAG_ACCOUNT 8
#define TAG_OUTPUT 9

/* Four field elements as (low, high) pairs. */
typedef struct {
    uint32_t w[8];
} digest;

/* H(tag, words), one element per word. */
void hash_words(digest *r, uint32_t tag, const uint32_t *words, uint32_t count);
/* H(tag, elements of the digests). */
void hash_digests(digest *r, uint32_t tag, const digest *digests, uint32_t count);
/* C(children), the internal node of a 4-ary tree. */
void hash_children(digest *r, const digest *children[4]);
/* C(key, tail), with one element per word of the tail. */
void hash_leaf(digest *r, const digest *key, const uint32_t tail[12]);
/* Whether every pair is below p. */
int digest_is_canonical(const digest *a);

static inline int digest_is_zero(const digest *a) {
    uint32_t any = 0;
    for (int i = 0; i < 8; i++) any |= a->w[i];
    return any == 0;
}

static inline int digest_equal(const digest *a, const digest *b) {
    uint32_t any = 0;
    for (int i = 0; i < 8; i++) any |= a->w[i] ^ b->w[i];
    return any == 0;
}

#endif
