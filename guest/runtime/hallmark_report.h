/* What a program tells whoever runs it: text, cycle markers, and why it gives up. None of it is part of what is proven.
 *
 * `hallmark execute` finds these functions by their symbols, so keep the symbols (do not link with -s). Printing and
 * marking costs the proven run a call and the preparation of its arguments, and nothing else; the host formats. */
#ifndef HALLMARK_REPORT_H
#define HALLMARK_REPORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void hallmark_print_bytes(const char *text, size_t length);
void hallmark_cycles_begin_bytes(const char *name, size_t length);
void hallmark_cycles_end_bytes(const char *name, size_t length);
__attribute__((noreturn)) void hallmark_panic_bytes(const char *text, size_t length);

/* printf, formatted by the host: %d %i %u %x %X %o %c %s %p %f %e %g %%, with flags, width, precision and the lengths
 * hh, h, l, ll, z, t, j. */
__attribute__((format(printf, 1, 2))) void hallmark_printf(const char *format, ...);

#ifdef __cplusplus
}
#endif

/* Calls a function with a text and its length, which is known when it is compiled if the text is a literal. The text is
 * evaluated once. */
#define HALLMARK_WITH_LENGTH(function, text)                                                                     \
    __extension__({                                                                                              \
        const char *hallmark_text = (text);                                                                      \
        function(hallmark_text, __builtin_constant_p(__builtin_strlen(text)) ? __builtin_strlen(text)            \
                                                                             : __builtin_strlen(hallmark_text)); \
    })

#define hallmark_print(text) HALLMARK_WITH_LENGTH(hallmark_print_bytes, text)

/* The cycles between begin and end are counted under the name; pairs may nest. `hallmark execute --profile` shows them. */
#define hallmark_cycles_begin(name) HALLMARK_WITH_LENGTH(hallmark_cycles_begin_bytes, name)
#define hallmark_cycles_end(name) HALLMARK_WITH_LENGTH(hallmark_cycles_end_bytes, name)

/* Ends the run without a result: there is no proof of it, and the reason is reported with the place of the call. */
#define hallmark_panic(reason) HALLMARK_WITH_LENGTH(hallmark_panic_bytes, reason)

#endif
