#include "transaction.h"

#include "keccak.h"

#define GAS_TRANSACTION 21000
#define GAS_ZERO_BYTE 4
#define GAS_NONZERO_BYTE 16
#define GAS_ACCESS_ADDRESS 2400
#define GAS_ACCESS_KEY 1900

void read_address(uint32_t address[5], const uint8_t *bytes) {
    for (int i = 0; i < 5; i++) {
        address[i] = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 | (uint32_t)bytes[4 * i + 2] << 16 |
                     (uint32_t)bytes[4 * i + 3] << 24;
    }
}

static int access_list_gas(cursor *c, uint64_t *gas) {
    cursor list, entry, keys;
    slice item;
    if (!rlp_list(c, &list)) return 0;
    while (list.at != list.end) {
        if (!rlp_list(&list, &entry)) return 0;
        if (!rlp_string(&entry, &item) || item.length != 20) return 0;
        if (!rlp_list(&entry, &keys) || entry.at != entry.end) return 0;
        *gas += GAS_ACCESS_ADDRESS;
        while (keys.at != keys.end) {
            if (!rlp_string(&keys, &item) || item.length != 32) return 0;
            *gas += GAS_ACCESS_KEY;
        }
    }
    return 1;
}

static uint64_t data_gas(const slice *data) {
    uint32_t nonzero = 0;
    for (uint32_t i = 0; i < data->length; i++) nonzero += data->bytes[i] != 0;
    return (uint64_t)(nonzero * GAS_NONZERO_BYTE + (data->length - nonzero) * GAS_ZERO_BYTE);
}

/* Legacy v: 35 + 2 chain id + parity (EIP-155). */
static uint32_t legacy_parity(uint32_t *parity, const u256 *v, uint64_t chain_id) {
    u256 first, difference;
    u256_from_u64(&first, 27);
    u256_sub(&difference, v, &first);
    uint32_t above = 0;
    for (int i = 1; i < 8; i++) above |= difference.w[i];
    if (above == 0 && difference.w[0] <= 1) return STATUS_UNPROTECTED;
    u256_from_u64(&first, chain_id);
    u256_add(&first, &first, &first);
    u256_from_u64(&difference, 35);
    u256_add(&first, &first, &difference);
    u256_sub(&difference, v, &first);
    above = 0;
    for (int i = 1; i < 8; i++) above |= difference.w[i];
    if (above != 0 || difference.w[0] > 1) return STATUS_WRONG_CHAIN;
    *parity = difference.w[0];
    return STATUS_OK;
}

uint32_t transaction_decode(transaction *t, const uint8_t *bytes, uint32_t length, const rules *r) {
    cursor whole = {bytes, bytes + length}, items;
    u256 chain, priority, base, v;
    slice to;
    uint64_t parity;
    if (length == 0) return STATUS_MALFORMED;
    t->type = 0;
    if (bytes[0] < 0x80) {
        t->type = bytes[0];
        if (t->type != 1 && t->type != 2) return STATUS_UNSUPPORTED_TYPE;
        whole.at++;
    }
    if (!rlp_list(&whole, &items) || whole.at != whole.end) return STATUS_MALFORMED;
    t->signed_bytes = items.at;
    if (t->type != 0 && !rlp_u256(&items, &chain)) return STATUS_MALFORMED;
    if (!rlp_u64(&items, &t->nonce)) return STATUS_MALFORMED;
    if (t->type == 2 && !rlp_u256(&items, &priority)) return STATUS_MALFORMED;
    if (!rlp_u256(&items, &t->max_fee)) return STATUS_MALFORMED;
    if (!rlp_u64(&items, &t->gas_limit)) return STATUS_MALFORMED;
    if (!rlp_string(&items, &to) || (to.length != 0 && to.length != 20)) return STATUS_MALFORMED;
    if (!rlp_u256(&items, &t->value)) return STATUS_MALFORMED;
    if (!rlp_string(&items, &t->data)) return STATUS_MALFORMED;
    t->intrinsic_gas = GAS_TRANSACTION + data_gas(&t->data);
    if (t->type != 0 && !access_list_gas(&items, &t->intrinsic_gas)) return STATUS_MALFORMED;
    t->signed_length = (uint32_t)(items.at - t->signed_bytes);
    if (t->type != 0) {
        if (!rlp_u64(&items, &parity) || parity > 1) return STATUS_MALFORMED;
        t->parity = (uint32_t)parity;
    } else if (!rlp_u256(&items, &v)) {
        return STATUS_MALFORMED;
    }
    if (!rlp_u256(&items, &t->r) || !rlp_u256(&items, &t->s) || items.at != items.end) return STATUS_MALFORMED;

    if (t->type == 0) {
        uint32_t status = legacy_parity(&t->parity, &v, r->chain_id);
        if (status != STATUS_OK) return status;
    } else {
        u256 expected;
        u256_from_u64(&expected, r->chain_id);
        if (!u256_equal(&chain, &expected)) return STATUS_WRONG_CHAIN;
    }
    if (to.length == 0) return STATUS_CREATION_UNSUPPORTED;
    read_address(t->to, to.bytes);
    if (t->gas_limit < t->intrinsic_gas) return STATUS_INTRINSIC_GAS;
    if (t->type == 2 && u256_less(&t->max_fee, &priority)) return STATUS_PRIORITY_ABOVE_MAX;
    u256_from_u64(&base, r->base_fee);
    if (u256_less(&t->max_fee, &base)) return STATUS_FEE_BELOW_BASE;
    t->effective_price = t->max_fee;
    if (t->type == 2) {
        u256 price;
        if (!u256_add(&price, &base, &priority) && u256_less(&price, &t->max_fee)) t->effective_price = price;
    }
    return STATUS_OK;
}

void transaction_message(transaction *t, uint64_t chain_id) {
    keccak k;
    uint8_t suffix[11], prefix[6];
    uint32_t suffix_length = 0, prefix_length = 0;
    if (t->type == 0) {
        suffix_length = rlp_integer(suffix, chain_id);
        suffix[suffix_length++] = 0x80;
        suffix[suffix_length++] = 0x80;
    } else {
        prefix[prefix_length++] = (uint8_t)t->type;
    }
    prefix_length += rlp_list_header(prefix + prefix_length, t->signed_length + suffix_length);
    keccak_begin(&k);
    keccak_absorb(&k, prefix, prefix_length);
    keccak_absorb(&k, t->signed_bytes, t->signed_length);
    keccak_absorb(&k, suffix, suffix_length);
    keccak_end(&k, t->message);
}

int transaction_signature(const transaction *t, recovery *request) {
    if (u256_is_zero(&t->r) || !u256_less(&t->r, &SCALAR_ORDER)) return 0;
    if (u256_is_zero(&t->s) || scalar_is_high(&t->s)) return 0;
    u256 message;
    u256_from_bytes(&message, t->message, 32);
    scalar_reduce(&request->e, &message);
    request->r = t->r;
    request->s = t->s;
    request->parity = t->parity;
    return 1;
}

void transaction_sender(uint32_t address[5], const recovery *recovered) {
    keccak k;
    uint8_t bytes[64], hash[32];
    u256_to_bytes(bytes, &recovered->key.x);
    u256_to_bytes(bytes + 32, &recovered->key.y);
    keccak_begin(&k);
    keccak_absorb(&k, bytes, 64);
    keccak_end(&k, hash);
    read_address(address, hash + 12);
}
