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

/* Recovers items[0 .. count): one inversion modulo n and one modulo p serve all of them. An item for which there is no
 * point with x coordinate r, or whose key would be the point at infinity, is marked as not recovered. */
void recover_batch(recovery *items, uint32_t count);

#endif
