/* C's <assert.h>: an assertion that fails ends the run, and its place and text are reported. May be included again. */
#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#include <hallmark_report.h>
#define HALLMARK_TEXT_OF(tokens) #tokens
#define HALLMARK_LINE_TEXT(line) HALLMARK_TEXT_OF(line)
#define assert(condition) \
    ((condition) ? (void)0 : hallmark_panic(__FILE__ ":" HALLMARK_LINE_TEXT(__LINE__) ": assertion failed: " #condition))
#endif
#if !defined(__cplusplus) && !defined(static_assert)
#define static_assert _Static_assert
#endif
