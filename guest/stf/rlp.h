/* Strict canonical RLP. A cursor never reads at or past `end`. */
#ifndef STF_RLP_H
#define STF_RLP_H

#include "words.h"

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

typedef struct {
    const uint8_t *bytes;
    uint32_t length;
} slice;

/* Each reads one item, moves the cursor behind it and returns 1, or returns 0 when there is no such canonical item. */
int rlp_string(cursor *c, slice *payload);
int rlp_list(cursor *c, cursor *items);
/* An integer of at most 8 or 32 bytes without leading zeros. */
int rlp_u64(cursor *c, uint64_t *value);
int rlp_u256(cursor *c, u256 *value);

/* Writes the header of a list with this payload length; returns the bytes written, at most 5. */
uint32_t rlp_list_header(uint8_t header[5], uint32_t payload);
/* Writes an integer as an RLP string; returns the bytes written, at most 9. */
uint32_t rlp_integer(uint8_t bytes[9], uint64_t value);

#endif
