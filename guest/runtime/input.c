#include "hallmark_input.h"

#include "hallmark.h"
#include "hallmark_report.h"

/* Bytes of the input that are still to be read, and those of the last word that was taken from the advice. */
static uint32_t left;
static uint32_t held;
static uint32_t held_bytes;
static int begun;

uint32_t hallmark_input_left(void) {
    if (!begun) {
        begun = 1;
        left = hallmark_read_word();
    }
    return left;
}

static void take(uint32_t count) {
    if (hallmark_input_left() < count) hallmark_panic("the input ends before the value that is read");
    left -= count;
}

static uint32_t next_byte(void) {
    if (held_bytes == 0) {
        held = hallmark_read_word();
        held_bytes = 4;
    }
    uint32_t byte = held & 0xff;
    held >>= 8;
    held_bytes--;
    return byte;
}

static uint32_t next_word(void) {
    uint32_t word = hallmark_read_word();
    if (held_bytes == 0) return word;
    uint32_t whole = held | word << 8 * held_bytes;
    held = word >> (32 - 8 * held_bytes);
    return whole;
}

void hallmark_read_bytes(void *target, uint32_t count) {
    unsigned char *to = target;
    take(count);
    if (((uintptr_t)to & 3) == 0) {
        for (; count >= 4; count -= 4, to += 4) *(uint32_t *)(void *)to = next_word();
    }
    for (; count != 0; count--) *to++ = (unsigned char)next_byte();
}

uint8_t hallmark_read_u8(void) {
    take(1);
    return (uint8_t)next_byte();
}

uint16_t hallmark_read_u16(void) {
    take(2);
    uint32_t low = next_byte();
    return (uint16_t)(low | next_byte() << 8);
}

uint32_t hallmark_read_u32(void) {
    take(4);
    return next_word();
}

uint64_t hallmark_read_u64(void) {
    take(8);
    uint32_t low = next_word();
    return (uint64_t)next_word() << 32 | low;
}
