/* A hash of the input by requests. Input: a byte that says which, 's' for SHA-256, 'b' for Blake2s or 'k' for Keccak-256, then
 * what is hashed. The digest is the public output. */
#include <hallmark_hash.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    uint8_t which, digest[32];
    hallmark_read_bytes(&which, 1);
    const size_t size = hallmark_input_left();
    uint8_t *message = malloc(size + 1);
    hallmark_read_bytes(message, size);
    if (which == 's') {
        hallmark_sha256(digest, message, size);
    } else if (which == 'k') {
        hallmark_keccak256(digest, message, size);
    } else {
        hallmark_blake2s(digest, message, size);
    }
    uint32_t output[8];
    memcpy(output, digest, sizeof output);
    hallmark_exit(output);
}
