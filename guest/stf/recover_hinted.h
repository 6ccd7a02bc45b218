/* Recovery with the slopes given. */
#ifndef STF_RECOVER_HINTED_H
#define STF_RECOVER_HINTED_H

#include "recover.h"

#define HINT_NONE 0
#define HINT_SLOPES 1

/* Values of recovery.recovered besides 0 and 1: not decided yet. */
#define PENDING 2

/* Whether the point of a digit of row `j` is the negative of the one that recover_hinted.c holds for it: it has every other
 * odd multiple of R mirrored, as each line it draws mirrors the sum. */
static inline int held_mirrored(int j, int digit) {
    int index = (digit < 0 ? -digit : digit) >> 1;
    return (digit < 0) ^ (j >= 2 && (index & 1));
}

/* Reads the hints of one item. With slopes it recovers the key; without, it leaves the item pending. Returns 0 when a
 * hint is wrong or missing. */
int recover_hinted(recovery *item, hints *h);

#endif
