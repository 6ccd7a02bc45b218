/* Fibonacci numbers modulo a prime: additions and remainders, no memory. */
#include "hallmark.h"

int main(void) {
    uint32_t a = 0, b = 1;
    for (uint32_t rounds = hallmark_read_word(); rounds > 0; rounds--) {
        uint32_t next = (a + b) % 1000003u;
        a = b;
        b = next;
    }
    uint32_t output[8] = {a, b};
    hallmark_exit(output);
}
