/* The part of C's <stdlib.h> that the guest kit has. */
#ifndef HALLMARK_STDLIB_H
#define HALLMARK_STDLIB_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The heap: up to 1 GiB from 0x80000000. NULL when it is full. Freeing what is not allocated is a panic. */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void free(void *block);

__attribute__((noreturn)) void abort(void);
int abs(int value);
long labs(long value);
long long llabs(long long value);
void qsort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *));
void *bsearch(const void *key, const void *items, size_t count, size_t size,
              int (*compare)(const void *, const void *));

#ifdef __cplusplus
}
#endif

#endif
