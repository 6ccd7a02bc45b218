/* An example of a proven program: the output is the Keccak-256 hash of the input.
 *
 * A proof of it says: whoever made the proof ran this program to its end, and its input has this hash. The input itself
 * stays out of the proof's statement. Build it with `make guest`, or with any clang as docs/guest.md shows, then
 *
 *     hallmark prove keccak.elf --input FILE -o PROOF
 *     hallmark verify PROOF --program keccak.elf --output HASH
 */
#include "hallmark.h"
#include "keccak.h"

/* Zero memory above the program; nothing needs to be reserved. */
#define INPUT ((uint32_t *)0x10000000u)
#define INPUT_CAPACITY 0x10000000u

int main(void) {
    uint32_t output[8] = {0};
    uint8_t hash[32];
    uint32_t length = hallmark_input(INPUT, INPUT_CAPACITY);
    /* A trap has no proof, so say something about inputs that are too long: all zeros. */
    if (length > INPUT_CAPACITY) hallmark_exit(output);

    keccak state;
    keccak_begin(&state);
    keccak_absorb(&state, (const uint8_t *)INPUT, length);
    keccak_end(&state, hash);

    /* The output is eight words; as bytes, little-endian each, they are the hash in its usual order. */
    for (int i = 0; i < 32; i++) output[i / 4] |= (uint32_t)hash[i] << (8 * (i % 4));
    hallmark_exit(output);
}
