/* An output of any length: what is written is hashed at the end, and the hash is the public output.
 *
 * `hallmark prove` writes the bytes beside the proof; `hallmark verify --output-file` checks a file against it. The hash
 * is the fixed-length Poseidon2 hash H(64, elements), docs/guest.md: the number of bytes, then every four bytes as a
 * little-endian word, the last one filled with zeros. */
#ifndef HALLMARK_OUTPUT_H
#define HALLMARK_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "hallmark_report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The output lies here while it grows: a word with its length in bytes, then the bytes. */
#define HALLMARK_OUTPUT_ADDRESS 0xc0000000u
#define HALLMARK_OUTPUT_CAPACITY 0x1ffffffcu
#define HALLMARK_OUTPUT_TAG 64

/* Appends to the output. More than the capacity is a panic. */
void hallmark_write_bytes(const void *bytes, uint32_t count);
void hallmark_write_u8(uint8_t value);
void hallmark_write_u16(uint16_t value);
void hallmark_write_u32(uint32_t value);
void hallmark_write_u64(uint64_t value);

/* Ends the program; the hash of everything written is its public output. */
__attribute__((noreturn)) void hallmark_finish(void);

#ifdef __cplusplus
}
#endif

/* Appends a text without its closing zero. */
#define hallmark_write(text) HALLMARK_WITH_LENGTH(hallmark_write_bytes, text)

#endif
