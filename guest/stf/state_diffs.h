/* What a batch publishes on L1: the accounts that it changed, written compactly. See docs/state_transition.md, section 5. */
#ifndef STF_STATE_DIFFS_H
#define STF_STATE_DIFFS_H

#include "hash.h"

/* r = Keccak-256 of the compact state diffs; `diffs` are the journal's, `count` of 16 words each. */
void state_diffs_hash(digest *r, const uint32_t *diffs, uint32_t count);
/* r = the data hash of the batch's content and its state diffs. */
void data_hash(digest *r, const digest *content, const digest *diffs);

#endif
