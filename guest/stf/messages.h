/* Messages to L1: withdrawals, in a binary Merkle tree of Keccak-256. See docs/state_transition.md, section 8. */
#ifndef STF_MESSAGES_H
#define STF_MESSAGES_H

#include "hash.h"
#include "words.h"

/* What is sent to this address leaves the rollup. */
extern const uint32_t WITHDRAWAL_ADDRESS[5];

/* Begins a batch without messages. */
void messages_begin(void);
/* Adds the message that `to` is to be paid `amount` on L1. There are at most MAX_MESSAGES. */
void messages_add(const uint32_t to[5], const u256 *amount);
/* The root of the tree, zero for no messages; to be called once. */
void messages_root(digest *root);

#endif
