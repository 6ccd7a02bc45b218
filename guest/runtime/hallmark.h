/* The runtime of a proven program. Here is what the machine has: input, output and the Poseidon2 precompile; typed input,
 * long output and reports are in headers of their own, which this one includes. See docs/guest.md.
 *
 * Compiled with HALLMARK_HOST the same interface is served on an ordinary machine: core runs the state-transition program
 * so where no proof is made, and tests look for undefined behaviour. */
#ifndef HALLMARK_H
#define HALLMARK_H

#include <stddef.h>
#include <stdint.h>

/* The Goldilocks prime 2^64 - 2^32 + 1, the field of the precompile. */
#define HALLMARK_P 0xffffffff00000001ull

#define HALLMARK_NORETURN __attribute__((noreturn))
#define HALLMARK_ALIGNED __attribute__((aligned(128)))

/* Variables that last for a run. On an ordinary machine several threads run a program at a time. */
#ifdef HALLMARK_HOST
#define HALLMARK_STATE static _Thread_local
#else
#define HALLMARK_STATE static
#endif

#ifdef HALLMARK_HOST

uint32_t hallmark_read_word(void);
void hallmark_poseidon2_compress(uint32_t buffer[32]);
void hallmark_arith256(uint32_t a[8], const uint32_t bcm[24]);
void hallmark_sha256_compress(uint32_t state[8], const uint32_t block[16]);
void hallmark_blake2s_compress(uint32_t state[8], const uint32_t others[20]);
void hallmark_keccak_f(uint32_t state[50]);
HALLMARK_NORETURN void hallmark_exit(const uint32_t output[8]);

#else

/* The next 32-bit word of advice. Advice is what the prover says: trust nothing in it that you do not check or commit
 * to in the output. The first word is the byte length of the input. Reading past the end is a trap. */
static inline uint32_t hallmark_read_word(void) {
    uint32_t word;
    __asm__ volatile(".insn i 0x73, 1, %0, x0, 0x7c0" : "=r"(word));
    return word;
}

/* The compression C: F^16 -> F^4 (Poseidon2, width 16, feed-forward) in place. `buffer` is aligned to 128 bytes and holds
 * 16 elements below p as (low, high) pairs; words 0 to 7 become the 4 elements of the result, the others stay.
 * An element that is not below p is a trap. */
static inline void hallmark_poseidon2_compress(uint32_t buffer[32]) {
    __asm__ volatile(".insn i 0x73, 1, x0, %0, 0x7d0" : : "r"(buffer) : "memory");
}

/* A request to the circuit of a type: 8 words at `first`, aligned to 32 bytes, become the answer, after they and those at
 * `others`, aligned to 128, have been read. The buffers may overlap. */
#define HALLMARK_REQUEST(csr, first, others)                                                      \
    __asm__ volatile("mv a0, %0\n\tmv a1, %1\n\t.insn i 0x73, 1, x0, x0, " csr                    \
                     :                                                                            \
                     : "r"(first), "r"(others)                                                    \
                     : "a0", "a1", "memory")

/* a := a * b + c mod m, proven by a circuit of its own. Numbers are eight words, the lowest first; `a` is aligned to 32
 * bytes, `bcm` holds b, c and m and is aligned to 128. m = 0 stands for 2^256; the result is below m. The buffers may
 * overlap: all numbers are read before the result is written. */
static inline void hallmark_arith256(uint32_t a[8], const uint32_t bcm[24]) {
    HALLMARK_REQUEST("0x7d1", a, bcm);
}

/* The compression of SHA-256 with its addition of the state before. Words have the values that SHA-256 gives them: their
 * bytes in memory are the reverse of the message's. hallmark_hash.h has the whole hash. */
static inline void hallmark_sha256_compress(uint32_t state[8], const uint32_t block[16]) {
    HALLMARK_REQUEST("0x7d3", state, block);
}

/* The compression of Blake2s. `others` holds the block's 16 words, the counter's two, and the two that mark the last block
 * and the last node (all ones when it is). hallmark_hash.h has the whole hash. */
static inline void hallmark_blake2s_compress(uint32_t state[8], const uint32_t others[20]) {
    HALLMARK_REQUEST("0x7d4", state, others);
}

/* Keccak-f[1600] in place: lane x + 5 y is words 2 (x + 5 y) and the next one, the lower first. `state` is aligned to 256
 * bytes. hallmark_hash.h has a whole hash. */
static inline void hallmark_keccak_f(uint32_t state[50]) {
    __asm__ volatile("mv a0, %0\n\t.insn i 0x73, 1, x0, x0, 0x7d2" : : "r"(state) : "a0", "memory");
}

#ifdef __cplusplus
/* C++ no longer knows `register`, but its compilers still take it for naming a register. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wregister"
#endif

/* Ends the program; the eight words are its public output. */
HALLMARK_NORETURN static inline void hallmark_exit(const uint32_t output[8]) {
    register uint32_t a0 __asm__("a0") = output[0];
    register uint32_t a1 __asm__("a1") = output[1];
    register uint32_t a2 __asm__("a2") = output[2];
    register uint32_t a3 __asm__("a3") = output[3];
    register uint32_t a4 __asm__("a4") = output[4];
    register uint32_t a5 __asm__("a5") = output[5];
    register uint32_t a6 __asm__("a6") = output[6];
    register uint32_t a7 __asm__("a7") = output[7];
    __asm__ volatile(".word 0x0000006f"
                     :
                     : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
                     : "memory");
    __builtin_unreachable();
}

#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

#endif

/* Reads the whole input into `words`, which has room for `capacity_bytes` (a multiple of 4), and returns its length in
 * bytes. An input that does not fit is not read, and its length is returned all the same. The bytes after the end, up
 * to the next word, are as the host padded them. */
static inline uint32_t hallmark_input(uint32_t *words, uint32_t capacity_bytes) {
    uint32_t length = hallmark_read_word();
    if (length > capacity_bytes) return length;
    uint32_t count = (length >> 2) + ((length & 3) != 0);
    for (uint32_t i = 0; i < count; i++) words[i] = hallmark_read_word();
    return length;
}

#ifndef HALLMARK_HOST
#include "hallmark_input.h"
#include "hallmark_output.h"
#include "hallmark_report.h"
#endif

#endif
