#include "hallmark_output.h"

#include <string.h>

#include "hallmark.h"
#include "hallmark_report.h"

/* Field elements of one block of the hash, behind the four of the chaining value. */
#define RATE 12

#define LENGTH ((uint32_t *)HALLMARK_OUTPUT_ADDRESS)
#define WORDS (LENGTH + 1)

/* Memory is zero at first and only ever appended to, so that the last word is already filled with zeros. */
void hallmark_write_bytes(const void *bytes, uint32_t count) {
    if (count > HALLMARK_OUTPUT_CAPACITY - *LENGTH) hallmark_panic("the output is longer than HALLMARK_OUTPUT_CAPACITY");
    memcpy((unsigned char *)WORDS + *LENGTH, bytes, count);
    *LENGTH += count;
}

void hallmark_write_u8(uint8_t value) { hallmark_write_bytes(&value, sizeof value); }
void hallmark_write_u16(uint16_t value) { hallmark_write_bytes(&value, sizeof value); }
void hallmark_write_u32(uint32_t value) { hallmark_write_bytes(&value, sizeof value); }
void hallmark_write_u64(uint64_t value) { hallmark_write_bytes(&value, sizeof value); }

HALLMARK_NORETURN void hallmark_finish(void) {
    static HALLMARK_ALIGNED uint32_t block[32];
    uint32_t count = *LENGTH / 4 + (*LENGTH % 4 != 0) + 1;
    /* The length lies before the words, as the hash wants it. */
    const uint32_t *next = LENGTH;
    block[0] = HALLMARK_OUTPUT_TAG;
    block[2] = count;
    while (count >= RATE) {
        for (uint32_t i = 0; i < RATE; i++) block[8 + 2 * i] = next[i];
        hallmark_poseidon2_compress(block);
        next += RATE;
        count -= RATE;
    }
    if (count != 0) {
        for (uint32_t i = 0; i < RATE; i++) block[8 + 2 * i] = i < count ? next[i] : 0;
        hallmark_poseidon2_compress(block);
    }
    hallmark_exit(block);
}
