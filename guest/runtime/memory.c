/* What a compiler may call without being asked. Word-wise where the alignment allows. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict target, const void *restrict source, size_t count) {
    unsigned char *to = target;
    const unsigned char *from = source;
    if ((((uintptr_t)to | (uintptr_t)from) & 3) == 0) {
        for (; count >= 4; count -= 4, to += 4, from += 4) *(uint32_t *)to = *(const uint32_t *)from;
    }
    for (; count != 0; count--) *to++ = *from++;
    return target;
}

void *memmove(void *target, const void *source, size_t count) {
    unsigned char *to = target;
    const unsigned char *from = source;
    if ((uintptr_t)to <= (uintptr_t)from) {
        for (; count != 0; count--) *to++ = *from++;
    } else {
        while (count != 0) {
            count--;
            to[count] = from[count];
        }
    }
    return target;
}

void *memset(void *target, int value, size_t count) {
    unsigned char *to = target;
    uint32_t word = (uint32_t)(value & 0xff) * 0x01010101u;
    for (; count != 0 && ((uintptr_t)to & 3) != 0; count--) *to++ = (unsigned char)value;
    for (; count >= 4; count -= 4, to += 4) *(uint32_t *)to = word;
    for (; count != 0; count--) *to++ = (unsigned char)value;
    return target;
}

int memcmp(const void *left, const void *right, size_t count) {
    const unsigned char *a = left;
    const unsigned char *b = right;
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    }
    return 0;
}
