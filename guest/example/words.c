/* An example of the guest kit: counts the words of a text and outputs the table, of any length, sorted by word.
 *
 * It uses the heap, string functions, a sort, typed input, an output longer than 32 bytes, markers and an assertion. */
#include <assert.h>
#include <hallmark.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *text;
    uint32_t count;
} entry;

static entry *entries;
static uint32_t used, room;

static void count_word(const char *text, uint32_t length) {
    for (uint32_t i = 0; i < used; i++) {
        if (strlen(entries[i].text) == length && memcmp(entries[i].text, text, length) == 0) {
            entries[i].count++;
            return;
        }
    }
    if (used == room) {
        room = room == 0 ? 16 : 2 * room;
        entries = realloc(entries, room * sizeof *entries);
        assert(entries != NULL);
    }
    char *copy = calloc(length + 1, 1);
    assert(copy != NULL);
    memcpy(copy, text, length);
    entries[used++] = (entry){copy, 1};
}

static int by_text(const void *left, const void *right) {
    return strcmp(((const entry *)left)->text, ((const entry *)right)->text);
}

static int is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

int main(void) {
    uint32_t length = hallmark_input_left(), words = 0;
    char *text = malloc(length + 1);
    assert(text != NULL);
    hallmark_read_bytes(text, length);
    text[length] = 0;

    hallmark_cycles_begin("count");
    for (uint32_t start = 0; start < length; start++) {
        uint32_t end = start;
        while (is_letter(text[end])) end++;
        if (end > start) {
            count_word(text + start, end - start);
            words++;
        }
        start = end;
    }
    hallmark_cycles_end("count");
    free(text);

    hallmark_cycles_begin("sort");
    qsort(entries, used, sizeof *entries, by_text);
    hallmark_cycles_end("sort");
    hallmark_printf("%u words, %u of them different\n", words, used);

    for (uint32_t i = 0; i < used; i++) {
        hallmark_write_u32(entries[i].count);
        hallmark_write(entries[i].text);
        hallmark_write_u8('\n');
    }
    hallmark_finish();
}
