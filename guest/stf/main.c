/* The state-transition program: docs/state_transition.md is its specification. */
#include "hallmark.h"
#include "hash.h"
#include "messages.h"
#include "output.h"
#include "priority.h"
#include "regions.h"
#include "state_diffs.h"
#include "transaction.h"
#include "tree.h"

#define MAGIC 0x314b4d48u
#define HEADER_WORDS 24u
#define METADATA_FIRST 1u
#define METADATA_WORDS 17u

typedef struct {
    uint32_t status;
    uint32_t sender[5];
    transaction body;
    uint32_t request; /* index of the recovery request, meaningful while status is OK */
} record;

typedef struct {
    const uint32_t *words; /* the header */
    uint64_t gas_limit, gas_used;
    uint32_t fee_recipient[5];
    digest fee_key;
    rules rules;
    uint32_t count;
    const uint32_t *transactions, *tree;
    uint32_t transaction_words, tree_words;
    requests_section priority;
    hints hints;
} batch;

static inline record *record_at(uint32_t index) { return (record *)REGION_TRANSACTIONS + index; }

static inline recovery *requests(void) { return (recovery *)(record_at(MAX_TRANSACTIONS)); }

static inline uint64_t u64_at(const uint32_t *words) { return (uint64_t)words[1] << 32 | words[0]; }

static uint32_t read_header(batch *b, const uint32_t *words, uint32_t length) {
    if (length > MAX_INPUT_BYTES || (length & 3) != 0 || length < 4 * HEADER_WORDS) return INVALID_LENGTH;
    uint32_t left = length / 4 - HEADER_WORDS;
    if (words[0] != MAGIC || words[21] > 1 || words[22] > MAX_REQUESTS || words[23] != 0) return INVALID_HEADER;
    b->words = words;
    b->rules.chain_id = u64_at(words + 2);
    for (int i = 0; i < 5; i++) b->fee_recipient[i] = words[8 + i];
    b->rules.base_fee = u64_at(words + 13);
    b->gas_limit = u64_at(words + 15);
    b->gas_used = 0;
    b->count = words[17];
    b->transaction_words = words[18];
    b->tree_words = words[19];
    b->priority.count = words[22];
    if (b->count > MAX_TRANSACTIONS || requests_words(b->priority.count) > left) return INVALID_HEADER;
    left -= requests_words(b->priority.count);
    for (int i = 18; i < 21; i++) {
        if (words[i] > left) return INVALID_HEADER;
        left -= words[i];
    }
    if (left != 0) return INVALID_HEADER;
    b->transactions = words + HEADER_WORDS;
    b->tree = b->transactions + b->transaction_words;
    b->priority.words = b->tree + b->tree_words;
    b->hints.at = b->hints.end = 0;
    b->hints.made = 0;
    b->hints.made_words = 0;
    if (words[20] != 0) {
        if (words[21] != 0) return INVALID_HINT;
        b->hints.at = b->priority.words + requests_words(b->priority.count);
        b->hints.end = b->hints.at + words[20];
    } else if (words[21] != 0) {
        b->hints.made = REGION_HINTS + 1;
    }
    return 0;
}

/* Decodes every transaction and recovers every sender. */
static uint32_t read_transactions(batch *b) {
    const uint32_t *at = b->transactions;
    uint32_t left = b->transaction_words, pending = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        if (left == 0) return INVALID_TRANSACTIONS;
        uint32_t length = *at++;
        left--;
        if (length == 0 || length > MAX_TRANSACTION_BYTES || (length + 3) / 4 > left) return INVALID_TRANSACTIONS;
        uint32_t words = (length + 3) / 4, rest = length & 3;
        if (rest != 0 && at[words - 1] >> (8 * rest) != 0) return INVALID_TRANSACTIONS;
        record *t = record_at(i);
        for (int j = 0; j < 5; j++) t->sender[j] = 0;
        t->status = transaction_decode(&t->body, (const uint8_t *)at, length, &b->rules);
        if (t->status == STATUS_OK) {
            transaction_message(&t->body, b->rules.chain_id);
            if (transaction_signature(&t->body, &requests()[pending])) {
                t->request = pending++;
            } else {
                t->status = STATUS_BAD_SIGNATURE;
            }
        }
        at += words;
        left -= words;
    }
    if (left != 0) return INVALID_TRANSACTIONS;
    if (!recover_batch(requests(), pending, &b->hints)) return INVALID_HINT;
    if (b->hints.made != 0) REGION_HINTS[0] = b->hints.made_words;
    for (uint32_t i = 0; i < b->count; i++) {
        record *t = record_at(i);
        if (t->status != STATUS_OK) continue;
        if (requests()[t->request].recovered) {
            transaction_sender(t->sender, &requests()[t->request]);
        } else {
            t->status = STATUS_BAD_SIGNATURE;
        }
    }
    return 0;
}

/* A transfer to the withdrawal address pays on L1 the address in its data, or else its sender. */
static void announce(const record *t) {
    uint32_t named[5];
    int is_named = t->body.data.length == 20;
    if (is_named) read_address(named, t->body.data.bytes);
    messages_add(is_named ? named : t->sender, &t->body.value);
}

/* Rule 9 comes before rule 10, but is known only here. */
static uint32_t apply(batch *b, record *t) {
    const transaction *body = &t->body;
    account sender, to, collector;
    digest sender_key, to_key;
    u256 cost, fee, paid;
    if (t->status != STATUS_OK && t->status != STATUS_BAD_SIGNATURE) return 0;
    if (body->gas_limit > b->gas_limit - b->gas_used) {
        t->status = STATUS_BATCH_GAS;
        return 0;
    }
    if (t->status == STATUS_BAD_SIGNATURE) return 0;

    account_key(&sender_key, t->sender);
    uint32_t reason = tree_read(&sender, &sender_key);
    if (reason) return reason;
    if (body->nonce < sender.nonce) {
        t->status = STATUS_NONCE_TOO_LOW;
        return 0;
    }
    if (body->nonce > sender.nonce) {
        t->status = STATUS_NONCE_TOO_HIGH;
        return 0;
    }
    if (body->nonce == UINT64_MAX) {
        t->status = STATUS_NONCE_OVERFLOW;
        return 0;
    }
    uint32_t overflow = u256_mul_u64(&cost, &body->max_fee, body->gas_limit);
    overflow |= u256_add(&cost, &cost, &body->value);
    if (overflow || u256_less(&sender.balance, &cost)) {
        t->status = STATUS_INSUFFICIENT_BALANCE;
        return 0;
    }
    /* At most `cost`, so neither wraps. */
    u256_mul_u64(&fee, &body->effective_price, body->intrinsic_gas);
    u256_add(&paid, &fee, &body->value);
    u256_sub(&sender.balance, &sender.balance, &paid);
    sender.nonce++;

    int value_moves = !u256_is_zero(&body->value), fee_moves = !u256_is_zero(&fee);
    int to_is_sender = same_address(body->to, t->sender);
    int collector_is_sender = same_address(b->fee_recipient, t->sender);
    int collector_is_to = same_address(b->fee_recipient, body->to);
    if (value_moves) {
        account_key(&to_key, body->to);
        if (to_is_sender) {
            to = sender;
        } else if ((reason = tree_read(&to, &to_key)) != 0) {
            return reason;
        }
        if (u256_add(&to.balance, &to.balance, &body->value)) {
            t->status = STATUS_BALANCE_OVERFLOW;
            return 0;
        }
        if (to_is_sender) sender = to;
    }
    if (fee_moves) {
        if (collector_is_sender) {
            collector = sender;
        } else if (collector_is_to && value_moves) {
            collector = to;
        } else if ((reason = tree_read(&collector, &b->fee_key)) != 0) {
            return reason;
        }
        if (u256_add(&collector.balance, &collector.balance, &fee)) {
            t->status = STATUS_BALANCE_OVERFLOW;
            return 0;
        }
        if (collector_is_sender) sender = collector;
    }
    if ((reason = tree_write(&sender_key, t->sender, &sender)) != 0) return reason;
    if (value_moves && !to_is_sender && (reason = tree_write(&to_key, body->to, &to)) != 0) return reason;
    if (fee_moves && !collector_is_sender && (reason = tree_write(&b->fee_key, b->fee_recipient, &collector)) != 0) {
        return reason;
    }
    if (value_moves && same_address(body->to, WITHDRAWAL_ADDRESS)) announce(t);
    b->gas_used += body->intrinsic_gas;
    return 0;
}

static void write_result(uint32_t words[16], const record *t) {
    for (int i = 0; i < 16; i++) words[i] = 0;
    words[0] = t->status;
    for (int i = 0; i < 5; i++) words[3 + i] = t->sender[i];
    if (t->status != STATUS_OK) return;
    words[1] = (uint32_t)t->body.intrinsic_gas;
    words[2] = (uint32_t)(t->body.intrinsic_gas >> 32);
    for (int i = 0; i < 8; i++) words[8 + i] = t->body.effective_price.w[i];
}

static uint32_t run(digest *output, batch *b, const uint32_t *words, uint32_t length) {
    digest old_root, new_root, content, changed, data, queue, messages;
    digest parts[3]; /* of the content: transactions, results, metadata */
    uint32_t reason = read_header(b, words, length);
    if (reason) return reason;
    if ((reason = read_transactions(b)) != 0) return reason;
    if ((reason = tree_parse(b->tree, b->tree_words)) != 0) return reason;
    if ((reason = requests_queue_hash(&queue, &b->priority)) != 0) return reason;
    old_root = tree_root();
    account_key(&b->fee_key, b->fee_recipient);
    uint32_t *journal = REGION_JOURNAL;
    uint32_t executed = b->priority.count + b->count;
    uint32_t *requested = journal + 4, *results = requested + 16 * b->priority.count, *diffs = requested + 16 * executed;
    messages_begin();
    if ((reason = requests_execute(&b->priority, requested)) != 0) return reason;
    for (uint32_t i = 0; i < b->count; i++) {
        if ((reason = apply(b, record_at(i))) != 0) return reason;
    }
    new_root = tree_root();
    hash_words(&parts[0], TAG_OUTPUT, b->transactions, b->transaction_words);

    for (uint32_t i = 0; i < b->count; i++) write_result(results + 16 * i, record_at(i));
    uint32_t changes = tree_changes(diffs);
    journal[0] = executed;
    journal[1] = changes;
    journal[2] = (uint32_t)b->gas_used;
    journal[3] = (uint32_t)(b->gas_used >> 32);
    hash_words(&parts[1], TAG_OUTPUT, requested, 16 * executed);
    hash_words(&parts[2], TAG_OUTPUT, b->words + METADATA_FIRST, METADATA_WORDS);
    hash_digests(&content, TAG_OUTPUT, parts, 3);
    state_diffs_hash(&changed, diffs, changes);
    data_hash(&data, &content, &changed);
    messages_root(&messages);
    batch_output(output, b->words, &old_root, &new_root, &data, &queue, &messages);
    return 0;
}

int main(void) {
    batch b;
    digest output;
    uint32_t length = hallmark_input(REGION_INPUT, MAX_INPUT_BYTES);
    uint32_t reason = run(&output, &b, REGION_INPUT, length);
    if (reason) {
        for (int i = 0; i < 8; i++) output.w[i] = 0;
        output.w[0] = reason;
    }
    hallmark_exit(output.w);
}
