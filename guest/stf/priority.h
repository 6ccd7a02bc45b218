/* Requests from L1: deposits, and withdrawals that nobody can leave out. See docs/state_transition.md, section 7. */
#ifndef STF_PRIORITY_H
#define STF_PRIORITY_H

#include "hash.h"
#include "words.h"

/* The section of the witness input: the rolling hash before the requests, then REQUEST_WORDS for each. */
#define REQUEST_WORDS 19u

enum { REQUEST_DEPOSIT = 1, REQUEST_WITHDRAWAL = 2 };

typedef struct {
    const uint32_t *words; /* the section; of no meaning while count is zero */
    uint32_t count;
} requests_section;

/* The words that the section of this many requests has. */
static inline uint32_t requests_words(uint32_t count) { return count == 0 ? 0 : 8 + REQUEST_WORDS * count; }

/* Checks every request and computes the hash of the rolling hashes around them, zero for none. Returns 0 or the reason
 * why the input is invalid. */
uint32_t requests_queue_hash(digest *r, const requests_section *section);
/* Executes the requests in order on the tree and writes the result of each, 16 words. Returns 0 or a reason. */
uint32_t requests_execute(const requests_section *section, uint32_t *results);

#endif
