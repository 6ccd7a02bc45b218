/* Counts the lines of its input. A proof says: whoever made it ran this program to its end, and got this number. The
 * input itself is not part of the statement; a program that must bind it outputs its hash. */
#include <assert.h>
#include <hallmark.h>

int main(void) {
    uint32_t bytes = hallmark_input_left(), lines = 0;
    hallmark_cycles_begin("count");
    for (uint32_t i = 0; i < bytes; i++) lines += hallmark_read_u8() == '\n';
    hallmark_cycles_end("count");
    assert(lines <= bytes);
    hallmark_printf("%u lines in %u bytes\n", lines, bytes);
    /* What main returns is the first word of the public output. */
    return (int)lines;
}
