/* A second example, with the instruction mix of ordinary code: sorts the words of the input and outputs their count,
 * minimum, median, maximum, mean (rounded down), and three words of a checksum over the sorted order. */
#include "hallmark.h"

#define WORDS ((uint32_t *)0x10000000u)
#define CAPACITY 0x01000000u

static void sift_down(uint32_t *words, uint32_t root, uint32_t count) {
    uint32_t moving = words[root];
    for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && words[child + 1] > words[child]) child++;
        if (words[child] <= moving) break;
        words[root] = words[child];
        root = child;
    }
    words[root] = moving;
}

static void heap_sort(uint32_t *words, uint32_t count) {
    for (uint32_t root = count / 2; root-- > 0;) sift_down(words, root, count);
    for (uint32_t end = count; end-- > 1;) {
        uint32_t largest = words[0];
        words[0] = words[end];
        words[end] = largest;
        sift_down(words, 0, end);
    }
}

int main(void) {
    uint32_t output[8] = {0};
    uint32_t length = hallmark_input(WORDS, CAPACITY);
    uint32_t count = length / 4;
    if (length > CAPACITY || count == 0) hallmark_exit(output);
    heap_sort(WORDS, count);

    uint32_t mean = 0, rest = 0, a = 1, b = 0, mixed = 0x811c9dc5u;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = WORDS[i];
        mean += word / count;
        rest += word % count;
        if (rest >= count) {
            rest -= count;
            mean++;
        }
        const uint8_t *bytes = (const uint8_t *)&WORDS[i];
        for (int j = 0; j < 4; j++) {
            a = (a + bytes[j]) % 65521u;
            b = (b + a) % 65521u;
            mixed = (mixed ^ bytes[j]) * 0x01000193u;
        }
    }
    output[0] = count;
    output[1] = WORDS[0];
    output[2] = WORDS[count / 2];
    output[3] = WORDS[count - 1];
    output[4] = mean;
    output[5] = a;
    output[6] = b;
    output[7] = mixed;
    hallmark_exit(output);
}
