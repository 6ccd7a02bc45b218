#include "tree.h"

#include "hallmark.h"
#include "regions.h"

#define DEPTH 128

enum { EMPTY = 0, LEAF = 1, INTERNAL = 2, OPAQUE = 3 };

/* Node 0 is the empty node and is never written. */
typedef struct {
    digest own;
    uint8_t kind;
    uint8_t dirty;   /* the digest does not match the content */
    uint8_t changed; /* a leaf in the list of changes */
    union {
        uint32_t children[4];
        struct {
            digest key;
            uint32_t nonce[2];
            u256 balance;
        } leaf;
    } u;
} __attribute__((aligned(128))) node;

typedef struct {
    uint32_t leaf;
    uint32_t address[5];
} change;

HALLMARK_STATE uint32_t used;             /* nodes in use */
HALLMARK_STATE uint32_t root;             /* index of the root */
HALLMARK_STATE uint32_t changes;          /* entries in the list of changes */
HALLMARK_STATE const uint32_t *cursor, *end; /* the tree section, while parsing */

static inline node *at(uint32_t index) { return (node *)REGION_NODES + index; }

static inline change *change_at(uint32_t index) { return (change *)REGION_CHANGES + index; }

static inline uint32_t digit(const digest *key, uint32_t depth) {
    return (key->w[depth >> 4] >> (2 * (depth & 15))) & 3;
}

void account_key(digest *key, const uint32_t address[5]) { hash_words(key, TAG_ACCOUNT, address, 5); }

static void hash_node(node *n) {
    if (n->kind == LEAF) {
        uint32_t tail[12];
        tail[0] = n->u.leaf.nonce[0];
        tail[1] = n->u.leaf.nonce[1];
        for (int i = 0; i < 8; i++) tail[2 + i] = n->u.leaf.balance.w[i];
        tail[10] = TAG_ACCOUNT;
        tail[11] = 0;
        hash_leaf(&n->own, &n->u.leaf.key, tail);
    } else if (n->kind == INTERNAL) {
        const digest *children[4];
        for (int i = 0; i < 4; i++) children[i] = &at(n->u.children[i])->own;
        hash_children(&n->own, children);
    }
    n->dirty = 0;
}

/* A new node of this kind; 0 when there is no room. */
static uint32_t allocate(uint32_t kind) {
    if (used == MAX_NODES) return 0;
    node *n = at(used);
    n->kind = (uint8_t)kind;
    n->dirty = 0;
    n->changed = 0;
    return used++;
}

static uint32_t take(uint32_t *target, uint32_t count) {
    if ((uint32_t)(end - cursor) < count) return INVALID_TREE;
    for (uint32_t i = 0; i < count; i++) target[i] = *cursor++;
    return 0;
}

/* Reads a node of a kind; the recursion ends at DEPTH. */
static uint32_t parse(uint32_t *index, uint32_t kind, uint32_t depth) {
    *index = 0;
    if (kind == EMPTY) return 0;
    uint32_t self = allocate(kind);
    if (self == 0) return INVALID_TREE;
    node *n = at(self);
    *index = self;
    if (kind == OPAQUE) {
        if (take(n->own.w, 8) || !digest_is_canonical(&n->own)) return INVALID_TREE;
        return 0;
    }
    if (kind == LEAF) {
        if (take(n->u.leaf.key.w, 8) || take(n->u.leaf.nonce, 2) || take(n->u.leaf.balance.w, 8)) return INVALID_TREE;
        if (!digest_is_canonical(&n->u.leaf.key)) return INVALID_TREE;
        hash_node(n);
        return 0;
    }
    uint32_t kinds;
    if (depth == DEPTH || take(&kinds, 1) || kinds > 0xff) return INVALID_TREE;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t reason = parse(&n->u.children[i], (kinds >> (2 * i)) & 3, depth + 1);
        if (reason) return reason;
    }
    /* An internal node must not have the form of a leaf: see "Why a digest has one meaning". */
    const digest *fourth = &at(n->u.children[3])->own;
    if (fourth->w[4] == TAG_ACCOUNT && (fourth->w[5] | fourth->w[6] | fourth->w[7]) == 0) return INVALID_TREE;
    hash_node(n);
    return 0;
}

uint32_t tree_parse(const uint32_t *words, uint32_t count) {
    uint32_t kind;
    cursor = words;
    end = words + count;
    used = 1;
    changes = 0;
    if (take(&kind, 1) || kind > OPAQUE) return INVALID_TREE;
    uint32_t reason = parse(&root, kind, 0);
    if (reason) return reason;
    return cursor == end ? 0 : INVALID_TREE;
}

/* Recomputes the dirty digests below; the recursion ends at DEPTH. */
static void refresh(uint32_t index) {
    node *n = at(index);
    if (!n->dirty) return;
    if (n->kind == INTERNAL) {
        for (int i = 0; i < 4; i++) refresh(n->u.children[i]);
    }
    hash_node(n);
}

digest tree_root(void) {
    refresh(root);
    return at(root)->own;
}

uint32_t tree_read(account *a, const digest *key) {
    uint32_t index = root;
    a->nonce = 0;
    u256_zero(&a->balance);
    for (uint32_t depth = 0; at(index)->kind == INTERNAL; depth++) index = at(index)->u.children[digit(key, depth)];
    const node *n = at(index);
    if (n->kind == OPAQUE) return INVALID_INCOMPLETE;
    if (n->kind == LEAF && digest_equal(&n->u.leaf.key, key)) {
        a->nonce = (uint64_t)n->u.leaf.nonce[1] << 32 | n->u.leaf.nonce[0];
        a->balance = n->u.leaf.balance;
    }
    return 0;
}

/* Puts a new leaf for `key` in place of the node at *link, an empty node or another leaf at this depth. */
static uint32_t insert(uint32_t *link, const digest *key, uint32_t depth) {
    uint32_t leaf = allocate(LEAF);
    if (leaf == 0) return INVALID_TREE;
    at(leaf)->u.leaf.key = *key;
    at(leaf)->dirty = 1;
    uint32_t other = *link;
    while (other != 0) {
        /* In a tree whose root is genuine two keys differ below here. Another tree may hold anything. */
        if (depth == DEPTH) return INVALID_TREE;
        uint32_t inner = allocate(INTERNAL);
        if (inner == 0) return INVALID_TREE;
        node *n = at(inner);
        n->dirty = 1;
        for (int i = 0; i < 4; i++) n->u.children[i] = 0;
        *link = inner;
        uint32_t ours = digit(key, depth), theirs = digit(&at(other)->u.leaf.key, depth);
        if (ours != theirs) {
            n->u.children[theirs] = other;
            other = 0;
        }
        link = &n->u.children[ours];
        depth++;
    }
    *link = leaf;
    return 0;
}

uint32_t tree_write(const digest *key, const uint32_t address[5], const account *a) {
    uint32_t *link = &root;
    uint32_t depth = 0;
    while (at(*link)->kind == INTERNAL) {
        node *n = at(*link);
        n->dirty = 1;
        link = &n->u.children[digit(key, depth)];
        depth++;
    }
    if (at(*link)->kind == OPAQUE) return INVALID_INCOMPLETE;
    if (*link == 0 || !digest_equal(&at(*link)->u.leaf.key, key)) {
        uint32_t reason = insert(link, key, depth);
        if (reason) return reason;
        while (at(*link)->kind == INTERNAL) {
            link = &at(*link)->u.children[digit(key, depth)];
            depth++;
        }
    }
    node *n = at(*link);
    n->u.leaf.nonce[0] = (uint32_t)a->nonce;
    n->u.leaf.nonce[1] = (uint32_t)(a->nonce >> 32);
    n->u.leaf.balance = a->balance;
    n->dirty = 1;
    if (!n->changed) {
        n->changed = 1;
        change *c = change_at(changes++);
        c->leaf = *link;
        for (int i = 0; i < 5; i++) c->address[i] = address[i];
    }
    return 0;
}

uint32_t tree_changes(uint32_t *words) {
    for (uint32_t index = 0; index < changes; index++) {
        const change *c = change_at(index);
        const node *n = at(c->leaf);
        for (int i = 0; i < 5; i++) *words++ = c->address[i];
        *words++ = n->u.leaf.nonce[0];
        *words++ = n->u.leaf.nonce[1];
        for (int i = 0; i < 8; i++) *words++ = n->u.leaf.balance.w[i];
        *words++ = 0;
    }
    return changes;
}
