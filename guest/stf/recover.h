/* Public key recovery from ECDSA signatures on secp256k1, for all transactions of a batch at once. */
#ifndef STF_RECOVER_H
#define STF_RECOVER_H

#include "field.h"
#include "scalar.h"

typedef struct {
    field x, y;
} affine;

typedef struct {
    field x, y, z;
    int infinity;
} jacobian;

typedef struct {
    scalar r, s, e;      /* the signature, 0 < r, s < n, and the message hash mod n */
    uint32_t parity;     /* of the y coordinate of the point with x coordinate r */
    uint32_t recovered;  /* set by recover_batch: whether `key` is the public key */
    affine key;          /* normalized */
    jacobian sum;        /* between the passes */
    u256 prefix;         /* product of everything inverted before this item */
} recovery;

/* Hints that come with the input, or are to be made for it. See docs/state_transition.md, section 6. */
typedef struct {
    const uint32_t *at, *end; /* what is left to read; both null when there are none */
    uint32_t *made;           /* where to write hints; null when none are wanted */
    uint32_t made_words;
} hints;

/* Recovers items[0 .. count). An item for which there is no point with x coordinate r, or whose key would be the point
 * at infinity, is marked as not recovered. Returns 0 when a hint is wrong or missing; items are then undefined. */
int recover_batch(recovery *items, uint32_t count, hints *h);

#endif
