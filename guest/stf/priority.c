#include "priority.h"

#include "keccak.h"
#include "messages.h"
#include "transaction.h"
#include "tree.h"

typedef struct {
    uint32_t kind;
    const uint32_t *from, *to;
    u256 amount;
} request;

static void read(request *r, const requests_section *section, uint32_t index) {
    const uint32_t *words = section->words + 8 + REQUEST_WORDS * index;
    r->kind = words[0];
    r->from = words + 1;
    r->to = words + 6;
    for (int i = 0; i < 8; i++) r->amount.w[i] = words[11 + i];
}

/* The hash of the one before, kind, from, to and amount, packed: 105 bytes. */
static void roll(digest *hash, const request *r) {
    keccak k;
    uint8_t kind = (uint8_t)r->kind, amount[32];
    u256_to_bytes(amount, &r->amount);
    keccak_begin(&k);
    keccak_absorb(&k, (const uint8_t *)hash->w, 32);
    keccak_absorb(&k, &kind, 1);
    keccak_absorb(&k, (const uint8_t *)r->from, 20);
    keccak_absorb(&k, (const uint8_t *)r->to, 20);
    keccak_absorb(&k, amount, sizeof amount);
    keccak_end(&k, (uint8_t *)hash->w);
}

uint32_t requests_queue_hash(digest *r, const requests_section *section) {
    digest before, after;
    keccak k;
    for (int i = 0; i < 8; i++) r->w[i] = 0;
    if (section->count == 0) return 0;
    for (int i = 0; i < 8; i++) before.w[i] = section->words[i];
    after = before;
    for (uint32_t i = 0; i < section->count; i++) {
        request one;
        read(&one, section, i);
        if (one.kind != REQUEST_DEPOSIT && one.kind != REQUEST_WITHDRAWAL) return INVALID_REQUESTS;
        if (u256_is_zero(&one.amount)) return INVALID_REQUESTS;
        roll(&after, &one);
    }
    keccak_begin(&k);
    keccak_absorb(&k, (const uint8_t *)before.w, 32);
    keccak_absorb(&k, (const uint8_t *)after.w, 32);
    keccak_end(&k, (uint8_t *)r->w);
    return 0;
}

static uint32_t deposit(const request *r, uint32_t *status) {
    account to;
    digest key;
    account_key(&key, r->to);
    uint32_t reason = tree_read(&to, &key);
    if (reason) return reason;
    if (u256_add(&to.balance, &to.balance, &r->amount)) {
        *status = STATUS_BALANCE_OVERFLOW;
        return 0;
    }
    return tree_write(&key, r->to, &to);
}

static uint32_t withdraw(const request *r, uint32_t *status) {
    account from, gone;
    digest from_key, gone_key;
    account_key(&from_key, r->from);
    account_key(&gone_key, WITHDRAWAL_ADDRESS);
    uint32_t reason = tree_read(&from, &from_key);
    if (reason) return reason;
    if (from.nonce == UINT64_MAX) {
        *status = STATUS_NONCE_OVERFLOW;
        return 0;
    }
    if (u256_less(&from.balance, &r->amount)) {
        *status = STATUS_INSUFFICIENT_BALANCE;
        return 0;
    }
    from.nonce++;
    /* The withdrawal address withdraws from itself: nothing moves but the nonce. */
    if (!same_address(r->from, WITHDRAWAL_ADDRESS)) {
        if ((reason = tree_read(&gone, &gone_key)) != 0) return reason;
        if (u256_add(&gone.balance, &gone.balance, &r->amount)) {
            *status = STATUS_BALANCE_OVERFLOW;
            return 0;
        }
        u256_sub(&from.balance, &from.balance, &r->amount);
        if ((reason = tree_write(&from_key, r->from, &from)) != 0) return reason;
        if ((reason = tree_write(&gone_key, WITHDRAWAL_ADDRESS, &gone)) != 0) return reason;
    } else if ((reason = tree_write(&from_key, r->from, &from)) != 0) {
        return reason;
    }
    messages_add(r->to, &r->amount);
    return 0;
}

uint32_t requests_execute(const requests_section *section, uint32_t *results) {
    for (uint32_t i = 0; i < section->count; i++) {
        request one;
        uint32_t status = STATUS_OK;
        read(&one, section, i);
        uint32_t reason = one.kind == REQUEST_DEPOSIT ? deposit(&one, &status) : withdraw(&one, &status);
        if (reason) return reason;
        for (int j = 0; j < 16; j++) results[j] = 0;
        results[0] = status;
        for (int j = 0; j < 5; j++) results[3 + j] = one.from[j];
        results += 16;
    }
    return 0;
}
