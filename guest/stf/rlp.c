#include "rlp.h"

/* Reads a header. `base` is 0x80 for strings and 0xc0 for lists. */
static int payload_of(cursor *c, uint32_t base, slice *payload) {
    if (c->at == c->end) return 0;
    uint32_t first = *c->at;
    if (base == 0x80 && first < 0x80) {
        payload->bytes = c->at;
        payload->length = 1;
        c->at++;
        return 1;
    }
    if (first < base || first > base + 0x3f) return 0;
    const uint8_t *at = c->at + 1;
    uint32_t left = (uint32_t)(c->end - at);
    uint32_t length = first - base;
    if (length > 55) {
        uint32_t size = length - 55;
        if (size > 4 || size > left || at[0] == 0) return 0;
        length = 0;
        for (uint32_t i = 0; i < size; i++) length = length << 8 | at[i];
        if (length <= 55) return 0;
        at += size;
        left -= size;
    }
    if (length > left) return 0;
    if (base == 0x80 && length == 1 && at[0] < 0x80) return 0;
    payload->bytes = at;
    payload->length = length;
    c->at = at + length;
    return 1;
}

int rlp_string(cursor *c, slice *payload) { return payload_of(c, 0x80, payload); }

int rlp_list(cursor *c, cursor *items) {
    slice payload;
    if (!payload_of(c, 0xc0, &payload)) return 0;
    items->at = payload.bytes;
    items->end = payload.bytes + payload.length;
    return 1;
}

int rlp_u256(cursor *c, u256 *value) {
    slice payload;
    if (!rlp_string(c, &payload) || payload.length > 32) return 0;
    if (payload.length != 0 && payload.bytes[0] == 0) return 0;
    u256_from_bytes(value, payload.bytes, payload.length);
    return 1;
}

int rlp_u64(cursor *c, uint64_t *value) {
    u256 wide;
    if (!rlp_u256(c, &wide)) return 0;
    for (int i = 2; i < 8; i++) {
        if (wide.w[i] != 0) return 0;
    }
    *value = (uint64_t)wide.w[1] << 32 | wide.w[0];
    return 1;
}

uint32_t rlp_list_header(uint8_t header[5], uint32_t payload) {
    if (payload <= 55) {
        header[0] = (uint8_t)(0xc0 + payload);
        return 1;
    }
    uint32_t size = payload > 0xffffff ? 4 : payload > 0xffff ? 3 : payload > 0xff ? 2 : 1;
    header[0] = (uint8_t)(0xf7 + size);
    for (uint32_t i = 0; i < size; i++) header[1 + i] = (uint8_t)(payload >> (8 * (size - 1 - i)));
    return 1 + size;
}

uint32_t rlp_integer(uint8_t bytes[9], uint64_t value) {
    uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value;
    if (high == 0 && low < 0x80) {
        bytes[0] = low == 0 ? 0x80 : (uint8_t)low;
        return 1;
    }
    uint32_t size = 0;
    for (int i = 7; i >= 0; i--) {
        uint8_t byte = (uint8_t)((i >= 4 ? high : low) >> (8 * (i & 3)));
        if (size == 0 && byte == 0) continue;
        bytes[1 + size++] = byte;
    }
    bytes[0] = (uint8_t)(0x80 + size);
    return 1 + size;
}
