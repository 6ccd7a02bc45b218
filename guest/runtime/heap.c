/* The heap. A block's size is rounded up to its class, a freed block waits in its class's list, and nothing is joined or
 * split: an allocation takes a few dozen cycles. Address space is plentiful, and what is never touched costs nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hallmark_report.h"

#define HEAP_START 0x80000000u
#define HEAP_END 0xc0000000u
#define ALIGNMENT 16u
#define LARGEST ((HEAP_END - HEAP_START) / 2)
/* Classes 0 to 63 hold 16 (class + 1) bytes less the header, the ones behind them powers of two from 2 KiB on. */
#define SMALL_CLASSES 64u
#define CLASSES (SMALL_CLASSES + 20)

/* The word before a block: its class and whether it is in use. */
#define HEADER sizeof(uint32_t)
#define IN_USE 0xa110c000u
#define FREED 0xf4eed000u
#define CLASS_MASK 0xffu

typedef struct free_block {
    struct free_block *next;
} free_block;

static free_block *freed[CLASSES];
static uint32_t top = HEAP_START;

static inline uint32_t *header_of(void *block) { return (uint32_t *)block - 1; }

static uint32_t class_of(size_t size) {
    uint32_t whole = (uint32_t)(size + HEADER + ALIGNMENT - 1) / ALIGNMENT;
    if (whole <= SMALL_CLASSES) return whole - 1;
    uint32_t class = SMALL_CLASSES;
    for (uint32_t units = 2 * SMALL_CLASSES; units < whole; units *= 2) class++;
    return class;
}

static uint32_t bytes_of(uint32_t class) {
    if (class < SMALL_CLASSES) return ALIGNMENT * (class + 1);
    return (2 * SMALL_CLASSES * ALIGNMENT) << (class - SMALL_CLASSES);
}

static uint32_t checked_class(void *block) {
    uint32_t header = *header_of(block), class = header & CLASS_MASK;
    if ((header & ~CLASS_MASK) == FREED) hallmark_panic("a block is freed that was freed before");
    if ((header & ~CLASS_MASK) != IN_USE || class >= CLASSES) hallmark_panic("a block is freed that was not allocated");
    return class;
}

/* `fresh` says that the block was never in use, and so is zero. */
static void *allocate(size_t size, int *fresh) {
    if (size > LARGEST) return NULL;
    uint32_t class = class_of(size);
    free_block *block = freed[class];
    *fresh = block == NULL;
    if (block != NULL) {
        freed[class] = block->next;
    } else {
        uint32_t bytes = bytes_of(class);
        if (bytes > HEAP_END - ALIGNMENT - top) return NULL;
        block = (free_block *)(top + ALIGNMENT);
        top += bytes;
    }
    *header_of(block) = IN_USE | class;
    return block;
}

void *malloc(size_t size) {
    int fresh;
    return allocate(size, &fresh);
}

void *calloc(size_t count, size_t size) {
    size_t whole;
    int fresh;
    if (__builtin_mul_overflow(count, size, &whole)) return NULL;
    void *block = allocate(whole, &fresh);
    if (block != NULL && !fresh) memset(block, 0, whole);
    return block;
}

void free(void *block) {
    if (block == NULL) return;
    uint32_t class = checked_class(block);
    *header_of(block) = FREED | class;
    ((free_block *)block)->next = freed[class];
    freed[class] = block;
}

void *realloc(void *block, size_t size) {
    if (block == NULL) return malloc(size);
    size_t room = bytes_of(checked_class(block)) - HEADER;
    if (size <= room) return block;
    void *moved = malloc(size);
    if (moved == NULL) return NULL;
    memcpy(moved, block, room);
    free(block);
    return moved;
}

/* A larger alignment is kept by a class of its own size: what lies before the block is left unused for good. */
void *aligned_alloc(size_t alignment, size_t size) {
    if (alignment <= ALIGNMENT) return malloc(size);
    if ((alignment & (alignment - 1)) != 0 || alignment > LARGEST || size > LARGEST) return NULL;
    uint32_t start = (top + ALIGNMENT + (uint32_t)alignment - 1) & ~((uint32_t)alignment - 1);
    uint32_t class = class_of(size), bytes = bytes_of(class);
    if (start < top || start > HEAP_END || bytes > HEAP_END - start) return NULL;
    top = start - ALIGNMENT + bytes;
    *header_of((void *)start) = IN_USE | class;
    return (void *)start;
}
