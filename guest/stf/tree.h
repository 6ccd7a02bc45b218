/* The partial state tree: parsed from the witness, looked up, updated, hashed. See docs/state_transition.md, section 2. */
#ifndef STF_TREE_H
#define STF_TREE_H

#include "hash.h"
#include "words.h"

/* Reasons for which an input is invalid. */
#define INVALID_LENGTH 1
#define INVALID_HEADER 2
#define INVALID_TRANSACTIONS 3
#define INVALID_TREE 4
#define INVALID_INCOMPLETE 5
#define INVALID_HINT 6
#define INVALID_REQUESTS 7

typedef struct {
    uint64_t nonce;
    u256 balance;
} account;

/* The key under which an account stands. */
void account_key(digest *key, const uint32_t address[5]);
/* Reads the tree section and computes every digest. Returns 0 or the reason why the input is invalid. */
uint32_t tree_parse(const uint32_t *words, uint32_t count);
/* The digest of the whole tree, after recomputing what changed. */
digest tree_root(void);
/* The account at this key; absent accounts read as zero. Returns 0 or a reason. */
uint32_t tree_read(account *a, const digest *key);
/* Writes an account that tree_read has found or found absent; inserts a leaf when it is absent. `address` goes into the
 * list of changed accounts at its first write. Returns 0 or a reason. */
uint32_t tree_write(const digest *key, const uint32_t address[5], const account *a);
/* Writes the changed accounts as 16 words each, in the order of their first write; returns how many. */
uint32_t tree_changes(uint32_t *words);

#endif
