#include <stdlib.h>

#include "hallmark_report.h"

__attribute__((noreturn)) void abort(void) { hallmark_panic("abort was called"); }

int abs(int value) { return value < 0 ? -value : value; }
long labs(long value) { return value < 0 ? -value : value; }
long long llabs(long long value) { return value < 0 ? -value : value; }

static void swap(unsigned char *a, unsigned char *b, size_t size) {
    for (; size != 0; size--, a++, b++) {
        unsigned char kept = *a;
        *a = *b;
        *b = kept;
    }
}

typedef int (*comparison)(const void *, const void *);

static void sift_down(unsigned char *items, size_t root, size_t count, size_t size, comparison compare) {
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && compare(items + child * size, items + (child + 1) * size) < 0) child++;
        if (compare(items + root * size, items + child * size) >= 0) return;
        swap(items + root * size, items + child * size, size);
        root = child;
    }
}

/* Heap sort: no recursion, no memory, and no input that makes it slow. */
void qsort(void *items, size_t count, size_t size, comparison compare) {
    unsigned char *bytes = items;
    for (size_t root = count / 2; root-- > 0;) sift_down(bytes, root, count, size, compare);
    for (size_t end = count; end-- > 1;) {
        swap(bytes, bytes + end * size, size);
        sift_down(bytes, 0, end, size, compare);
    }
}

void *bsearch(const void *key, const void *items, size_t count, size_t size, comparison compare) {
    const unsigned char *bytes = items;
    while (count != 0) {
        const unsigned char *middle = bytes + count / 2 * size;
        int order = compare(key, middle);
        if (order == 0) return (void *)middle;
        if (order > 0) {
            bytes = middle + size;
            count -= count / 2 + 1;
        } else {
            count /= 2;
        }
    }
    return NULL;
}
