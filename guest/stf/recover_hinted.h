/* Recovery with the slopes given. */
#ifndef STF_RECOVER_HINTED_H
#define STF_RECOVER_HINTED_H

#include "recover.h"

#define HINT_NONE 0
#define HINT_SLOPES 1

/* Values of recovery.recovered besides 0 and 1: not decided yet. */
#define PENDING 2

/* Reads the hints of one item. With slopes it recovers the key; without, it leaves the item pending. Returns 0 when a
 * hint is wrong or missing. */
int recover_hinted(recovery *item, hints *h);

#endif
