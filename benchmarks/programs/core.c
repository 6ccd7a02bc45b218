/* What small processors are measured by: a linked list that is searched and sorted, products of matrices of short
 * numbers, a state machine that scans text, and a checksum over the results. */
#include "hallmark.h"

#define NODES 128
#define SIZE 12
#define TEXT 512

typedef struct Node {
    struct Node *next;
    int16_t value, key;
} Node;

static Node nodes[NODES];
static int16_t left[SIZE][SIZE], right[SIZE][SIZE];
static int32_t product[SIZE][SIZE];
static char text[TEXT];

static uint16_t checksum(uint32_t value, uint16_t sum) {
    for (int bit = 0; bit < 32; bit++) {
        uint32_t differs = (value ^ sum) & 1;
        sum >>= 1;
        if (differs) sum ^= 0xa001;
        value >>= 1;
    }
    return sum;
}

/* Merges runs of growing length until one is left. */
static Node *sorted(Node *list) {
    for (int length = 1;; length *= 2) {
        Node *rest = list, *last = 0;
        int merges = 0;
        list = 0;
        while (rest) {
            Node *a = rest, *b = rest;
            int ours = 0, theirs = length;
            for (; ours < length && b; ours++) b = b->next;
            while (ours > 0 || (theirs > 0 && b)) {
                int first = ours > 0 && (theirs == 0 || !b || a->value <= b->value);
                Node *taken = first ? a : b;
                if (first) {
                    a = a->next;
                    ours--;
                } else {
                    b = b->next;
                    theirs--;
                }
                if (last) last->next = taken;
                else list = taken;
                last = taken;
            }
            rest = b;
            merges++;
        }
        last->next = 0;
        if (merges < 2) return list;
    }
}

static uint32_t lists(uint32_t seed) {
    for (int i = 0; i < NODES; i++) {
        seed = seed * 1103515245u + 12345u;
        nodes[i] = (Node){i + 1 < NODES ? &nodes[i + 1] : 0, (int16_t)(seed >> 16), (int16_t)i};
    }
    uint32_t found = 0;
    for (int16_t key = 0; key < NODES; key += 9) {
        const Node *node = nodes;
        while (node && node->key != key) node = node->next;
        if (node) found += (uint16_t)node->value;
    }
    for (const Node *node = sorted(nodes); node; node = node->next) found = found * 31 + (uint16_t)node->key;
    return found;
}

static uint32_t matrices(uint32_t seed) {
    uint32_t sum = 0;
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            left[i][j] = (int16_t)(seed + i * j);
            right[i][j] = (int16_t)(seed - i + j);
        }
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            int32_t total = 0;
            for (int k = 0; k < SIZE; k++) total += left[i][k] * right[k][j];
            product[i][j] = total;
            sum += (uint32_t)(total >> 3) & 0x7f;
        }
    return sum;
}

static uint32_t numbers(uint32_t seed) {
    static const char pattern[] = "5012,1.45e+3,-874.0,0x1f,.25,abc,+12e-2,9..1,";
    enum { START, SIGN, WHOLE, FRACTION, EXPONENT, INVALID } state = START;
    uint32_t counts[INVALID + 1] = {0};
    for (int i = 0; i < TEXT; i++) text[i] = pattern[(seed + i) % (sizeof pattern - 1)];
    for (int i = 0; i < TEXT; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9';
        if (c == ',') {
            counts[state]++;
            state = START;
            continue;
        }
        switch (state) {
            case START: state = digit ? WHOLE : c == '+' || c == '-' ? SIGN : c == '.' ? FRACTION : INVALID; break;
            case SIGN: state = digit ? WHOLE : c == '.' ? FRACTION : INVALID; break;
            case WHOLE: state = digit ? WHOLE : c == '.' ? FRACTION : c == 'e' ? EXPONENT : INVALID; break;
            case FRACTION: state = digit ? FRACTION : c == 'e' ? EXPONENT : INVALID; break;
            case EXPONENT: state = digit || c == '+' || c == '-' ? EXPONENT : INVALID; break;
            default: break;
        }
    }
    uint32_t sum = 0;
    for (int i = 0; i <= INVALID; i++) sum = sum * 33 + counts[i];
    return sum;
}

int main(void) {
    uint16_t sum = 0xffff;
    for (uint32_t rounds = hallmark_read_word(); rounds > 0; rounds--) {
        sum = checksum(lists(sum), sum);
        sum = checksum(matrices(sum), sum);
        sum = checksum(numbers(sum), sum);
    }
    uint32_t output[8] = {sum};
    hallmark_exit(output);
}
