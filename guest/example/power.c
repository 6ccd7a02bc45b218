/* The power of a number modulo another, of 256 bits each, by requests. Input: base, exponent and modulus, eight words each,
 * the lowest first. The result is the public output. */
#include <hallmark_modular.h>

static hallmark_modulus modulus;

int main(void) {
    uint32_t base[8], exponent[8], result[8] = {1};
    hallmark_read_bytes(base, sizeof base);
    hallmark_read_bytes(exponent, sizeof exponent);
    hallmark_read_bytes(modulus.bcm + 16, 32);
    for (int bit = 255; bit >= 0; bit--) {
        hallmark_multiply(&modulus, result, result, result);
        if (exponent[bit / 32] >> bit % 32 & 1) hallmark_multiply(&modulus, result, result, base);
    }
    hallmark_exit(result);
}
