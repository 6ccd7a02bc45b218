/* Typed reads of the input, from its first byte to its last. Numbers are little-endian and need no alignment.
 *
 * These and `hallmark_input` read the same advice: use one or the other. What is read is what the prover says; a program
 * binds it by what it checks and outputs. Reading past the end is a panic. */
#ifndef HALLMARK_INPUT_H
#define HALLMARK_INPUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the input that have not been read. */
uint32_t hallmark_input_left(void);
void hallmark_read_bytes(void *target, uint32_t count);
uint8_t hallmark_read_u8(void);
uint16_t hallmark_read_u16(void);
uint32_t hallmark_read_u32(void);
uint64_t hallmark_read_u64(void);

static inline int8_t hallmark_read_i8(void) { return (int8_t)hallmark_read_u8(); }
static inline int16_t hallmark_read_i16(void) { return (int16_t)hallmark_read_u16(); }
static inline int32_t hallmark_read_i32(void) { return (int32_t)hallmark_read_u32(); }
static inline int64_t hallmark_read_i64(void) { return (int64_t)hallmark_read_u64(); }

#ifdef __cplusplus
}
#endif

#endif
