/* A signed Ethereum transaction: decoded, and checked as far as that needs no state. */
#ifndef STF_TRANSACTION_H
#define STF_TRANSACTION_H

#include "recover.h"
#include "rlp.h"
#include "words.h"

/* docs/state_transition.md, section 3 */
enum {
    STATUS_OK = 0,
    STATUS_MALFORMED = 1,
    STATUS_UNSUPPORTED_TYPE = 2,
    STATUS_UNPROTECTED = 3,
    STATUS_WRONG_CHAIN = 4,
    STATUS_CREATION_UNSUPPORTED = 5,
    STATUS_INTRINSIC_GAS = 6,
    STATUS_PRIORITY_ABOVE_MAX = 7,
    STATUS_FEE_BELOW_BASE = 8,
    STATUS_BATCH_GAS = 9,
    STATUS_BAD_SIGNATURE = 10,
    STATUS_NONCE_TOO_LOW = 11,
    STATUS_NONCE_TOO_HIGH = 12,
    STATUS_NONCE_OVERFLOW = 13,
    STATUS_INSUFFICIENT_BALANCE = 14,
    STATUS_BALANCE_OVERFLOW = 15,
};

typedef struct {
    uint64_t chain_id;
    uint64_t base_fee;
} rules;

typedef struct {
    uint64_t nonce;
    uint64_t gas_limit;
    uint64_t intrinsic_gas;
    u256 max_fee;         /* the gas price of a legacy or type 1 transaction */
    u256 effective_price;
    u256 value;
    uint32_t to[5];
    slice data;
    u256 r, s;            /* as signed: any 256-bit values */
    uint32_t parity;
    uint8_t message[32];  /* what was signed; set by transaction_message */
    /* The signed fields as they stand in the raw bytes, for transaction_message. */
    const uint8_t *signed_bytes;
    uint32_t signed_length;
    uint32_t type;
} transaction;

/* Reads an address from 20 bytes at any alignment. */
void read_address(uint32_t address[5], const uint8_t *bytes);
/* Decodes and checks rules 1 to 8 of section 3; returns the status. */
uint32_t transaction_decode(transaction *t, const uint8_t *bytes, uint32_t length, const rules *r);
/* Computes the hash that was signed. */
void transaction_message(transaction *t, uint64_t chain_id);
/* Whether r and s are in range (rule 10, EIP-2); if so fills the request for recover_batch. */
int transaction_signature(const transaction *t, recovery *request);
/* The address of a recovered key. */
void transaction_sender(uint32_t address[5], const recovery *recovered);

#endif
