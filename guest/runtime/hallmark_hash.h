/* SHA-256, Blake2s and Keccak-256 of bytes anywhere in memory, by requests to circuits of their own. */
#ifndef HALLMARK_HASH_H
#define HALLMARK_HASH_H

#include "hallmark.h"

/* The state of a hash, and what its next compression takes: the block, for Blake2s also the counter and its marks. The last
 * four words only keep the state aligned. */
typedef struct {
    uint32_t others[24], state[8];
} HALLMARK_ALIGNED hallmark_hash;

/* The first state of SHA-256 and the constants of Blake2s: the square roots of the first eight primes. */
static inline void hallmark_hash_begin(hallmark_hash *hash) {
    static const uint32_t roots[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (int i = 0; i < 8; i++) hash->state[i] = roots[i];
}

/* Words of a block from up to 64 bytes, the others zero; `high` says that the first byte of a word is its highest. */
static inline void hallmark_hash_block(hallmark_hash *hash, const uint8_t *bytes, size_t size, int high) {
    if (size == 64 && (uintptr_t)bytes % 4 == 0) {
        for (int i = 0; i < 16; i++) {
            uint32_t word;
            __builtin_memcpy(&word, __builtin_assume_aligned(bytes + 4 * i, 4), 4);
            hash->others[i] = high ? word << 24 | (word & 0xff00) << 8 | (word >> 8 & 0xff00) | word >> 24 : word;
        }
        return;
    }
    for (int i = 0; i < 16; i++) hash->others[i] = 0;
    for (size_t i = 0; i < size; i++) hash->others[i / 4] |= (uint32_t)bytes[i] << 8 * (high ? 3 - i % 4 : i % 4);
}

/* digest = SHA-256 of `size` bytes. */
static inline void hallmark_sha256(uint8_t digest[32], const void *data, size_t size) {
    static hallmark_hash hash;
    const uint8_t *bytes = data;
    hallmark_hash_begin(&hash);
    size_t left = size;
    for (; left >= 64; left -= 64, bytes += 64) {
        hallmark_hash_block(&hash, bytes, 64, 1);
        hallmark_sha256_compress(hash.state, hash.others);
    }
    hallmark_hash_block(&hash, bytes, left, 1);
    hash.others[left / 4] |= 0x80u << 8 * (3 - left % 4);
    if (left >= 56) {
        hallmark_sha256_compress(hash.state, hash.others);
        hallmark_hash_block(&hash, bytes, 0, 1);
    }
    hash.others[14] = (uint32_t)((uint64_t)size >> 29);
    hash.others[15] = (uint32_t)size << 3;
    hallmark_sha256_compress(hash.state, hash.others);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(hash.state[i / 4] >> 8 * (3 - i % 4));
}

/* digest = Blake2s-256 of `size` bytes, without a key. */
static inline void hallmark_blake2s(uint8_t digest[32], const void *data, size_t size) {
    static hallmark_hash hash;
    const uint8_t *bytes = data;
    hallmark_hash_begin(&hash);
    hash.state[0] ^= 0x01010020;
    for (int i = 16; i < 20; i++) hash.others[i] = 0;
    size_t left = size;
    while (left > 64) {
        hallmark_hash_block(&hash, bytes, 64, 0);
        left -= 64;
        bytes += 64;
        hash.others[16] = (uint32_t)(size - left);
        hallmark_blake2s_compress(hash.state, hash.others);
    }
    hallmark_hash_block(&hash, bytes, left, 0);
    hash.others[16] = (uint32_t)size;
    hash.others[18] = 0xffffffff;
    hallmark_blake2s_compress(hash.state, hash.others);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(hash.state[i / 4] >> 8 * (i % 4));
}

/* digest = Keccak-256 of `size` bytes, as Ethereum has it: padding 0x01, not SHA-3's 0x06. */
static inline void hallmark_keccak256(uint8_t digest[32], const void *data, size_t size) {
    enum { RATE = 136 };
    static uint32_t state[50] __attribute__((aligned(256)));
    const uint8_t *bytes = data;
    for (int i = 0; i < 50; i++) state[i] = 0;
    for (; size >= RATE; size -= RATE, bytes += RATE) {
        for (int i = 0; i < RATE / 4; i++) {
            uint32_t word;
            __builtin_memcpy(&word, bytes + 4 * i, 4);
            state[i] ^= word;
        }
        hallmark_keccak_f(state);
    }
    for (size_t i = 0; i < size; i++) state[i / 4] ^= (uint32_t)bytes[i] << 8 * (i % 4);
    state[size / 4] ^= 0x01u << 8 * (size % 4);
    state[RATE / 4 - 1] ^= 0x80000000u;
    hallmark_keccak_f(state);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(state[i / 4] >> 8 * (i % 4));
}

#endif
