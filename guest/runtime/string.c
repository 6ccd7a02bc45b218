#include <string.h>

void *memchr(const void *bytes, int value, size_t count) {
    const unsigned char *at = bytes;
    for (; count != 0; count--, at++) {
        if (*at == (unsigned char)value) return (void *)at;
    }
    return NULL;
}

size_t strlen(const char *text) {
    const char *end = text;
    while (*end) end++;
    return (size_t)(end - text);
}

size_t strnlen(const char *text, size_t limit) {
    size_t length = 0;
    while (length < limit && text[length]) length++;
    return length;
}

int strncmp(const char *left, const char *right, size_t limit) {
    for (; limit != 0; limit--, left++, right++) {
        if (*left != *right) return (unsigned char)*left < (unsigned char)*right ? -1 : 1;
        if (*left == 0) return 0;
    }
    return 0;
}

int strcmp(const char *left, const char *right) { return strncmp(left, right, (size_t)-1); }

char *strcpy(char *restrict target, const char *restrict source) {
    memcpy(target, source, strlen(source) + 1);
    return target;
}

char *strncpy(char *restrict target, const char *restrict source, size_t limit) {
    size_t length = strnlen(source, limit);
    memcpy(target, source, length);
    memset(target + length, 0, limit - length);
    return target;
}

char *strcat(char *restrict target, const char *restrict source) {
    strcpy(target + strlen(target), source);
    return target;
}

char *strchr(const char *text, int value) {
    for (;; text++) {
        if (*text == (char)value) return (char *)text;
        if (*text == 0) return NULL;
    }
}

char *strrchr(const char *text, int value) {
    const char *found = NULL;
    for (;; text++) {
        if (*text == (char)value) found = text;
        if (*text == 0) return (char *)found;
    }
}

char *strstr(const char *text, const char *part) {
    size_t length = strlen(part);
    for (;; text++) {
        if (strncmp(text, part, length) == 0) return (char *)text;
        if (*text == 0) return NULL;
    }
}
