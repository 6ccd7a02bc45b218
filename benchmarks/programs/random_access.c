/* Bound by memory: a walk that jumps between blocks of eight megabytes, reading and changing a word in each. */
#include "hallmark.h"

#define WORDS (1u << 21)

static uint32_t table[WORDS];

int main(void) {
    uint32_t place = 1, sum = 0;
    for (uint32_t rounds = hallmark_read_word(); rounds > 0; rounds--) {
        place = place * 1664525u + 1013904223u;
        uint32_t *word = &table[place >> 11];
        sum += *word;
        *word = sum ^ place;
    }
    uint32_t output[8] = {sum, place};
    hallmark_exit(output);
}
