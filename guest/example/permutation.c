/* Keccak-f[1600] by the machine alone. */
#include "keccak.h"

static const uint64_t ROUND_CONSTANTS[24] = {
    /* FIPS 202, section 3.2.5 */
    0x0000000000000001ull, 0x0000000000008082ull, 0x800000000000808aull, 0x8000000080008000ull, 0x000000000000808bull,
    0x0000000080000001ull, 0x8000000080008081ull, 0x8000000000008009ull, 0x000000000000008aull, 0x0000000000000088ull,
    0x0000000080008009ull, 0x000000008000000aull, 0x000000008000808bull, 0x800000000000008bull, 0x8000000000008089ull,
    0x8000000000008003ull, 0x8000000000008002ull, 0x8000000000000080ull, 0x000000000000800aull, 0x800000008000000aull,
    0x8000000080008081ull, 0x8000000000008080ull, 0x0000000080000001ull, 0x8000000080008008ull,
};

#define ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

/* b[y, 2x + 3y] = rotate(a[x, y]): one step of rho and pi; indices are lane numbers x + 5 y. */
#define MOVE(to, from, n) b[to] = ROTATE(a[from] ^ d[(from) % 5], n)

void keccak_permute(uint64_t a[25]) {
    uint64_t b[25], c[5], d[5];
    for (int round = 0; round < 24; round++) {
        for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        d[0] = c[4] ^ ROTATE(c[1], 1);
        d[1] = c[0] ^ ROTATE(c[2], 1);
        d[2] = c[1] ^ ROTATE(c[3], 1);
        d[3] = c[2] ^ ROTATE(c[4], 1);
        d[4] = c[3] ^ ROTATE(c[0], 1);
        b[0] = a[0] ^ d[0];
        MOVE(10, 1, 1);
        MOVE(20, 2, 62);
        MOVE(5, 3, 28);
        MOVE(15, 4, 27);
        MOVE(16, 5, 36);
        MOVE(1, 6, 44);
        MOVE(11, 7, 6);
        MOVE(21, 8, 55);
        MOVE(6, 9, 20);
        MOVE(7, 10, 3);
        MOVE(17, 11, 10);
        MOVE(2, 12, 43);
        MOVE(12, 13, 25);
        MOVE(22, 14, 39);
        MOVE(23, 15, 41);
        MOVE(8, 16, 45);
        MOVE(18, 17, 15);
        MOVE(3, 18, 21);
        MOVE(13, 19, 8);
        MOVE(14, 20, 18);
        MOVE(24, 21, 2);
        MOVE(9, 22, 61);
        MOVE(19, 23, 56);
        MOVE(4, 24, 14);
        for (int y = 0; y < 25; y += 5) {
            for (int x = 0; x < 5; x++) a[y + x] = b[y + x] ^ (~b[y + (x + 1) % 5] & b[y + (x + 2) % 5]);
        }
        a[0] ^= ROUND_CONSTANTS[round];
    }
}
