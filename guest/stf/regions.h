/* Where the program keeps what has no fixed size: zero memory above the image, at fixed addresses. */
#ifndef STF_REGIONS_H
#define STF_REGIONS_H

#include <stdint.h>

#define MAX_INPUT_BYTES (1u << 28)
#define MAX_TRANSACTIONS 4096u
#define MAX_TRANSACTION_BYTES 131072u
#define MAX_NODES (1u << 20)
#define MAX_REQUESTS 256u
#define MAX_MESSAGES (MAX_TRANSACTIONS + MAX_REQUESTS)
#define MAX_CHANGES (2u * MAX_MESSAGES + 1u) /* senders, recipients, the fee recipient */
#define JOURNAL_WORDS (4u + 16u * MAX_MESSAGES + 16u * MAX_CHANGES)

#ifdef HALLMARK_HOST
extern _Thread_local uint32_t *host_region_input, *host_region_nodes, *host_region_transactions, *host_region_journal,
    *host_region_changes, *host_region_hints, *host_region_messages;
#define REGION_INPUT host_region_input
#define REGION_NODES host_region_nodes
#define REGION_TRANSACTIONS host_region_transactions
#define REGION_JOURNAL host_region_journal
#define REGION_CHANGES host_region_changes
#define REGION_HINTS host_region_hints
#define REGION_MESSAGES host_region_messages
#else
#define REGION_INPUT ((uint32_t *)0x10000000u)        /* 256 MiB */
#define REGION_NODES ((uint32_t *)0x20000000u)        /* MAX_NODES nodes of 128 bytes */
#define REGION_TRANSACTIONS ((uint32_t *)0x40000000u) /* MAX_TRANSACTIONS records */
#define REGION_JOURNAL ((uint32_t *)0x30000000u)      /* JOURNAL_WORDS, the address that docs/state_transition.md names */
#define REGION_CHANGES ((uint32_t *)0x38000000u)      /* MAX_CHANGES entries of 24 bytes */
#define REGION_MESSAGES ((uint32_t *)0x3c000000u)     /* MAX_MESSAGES digests */
#define REGION_HINTS ((uint32_t *)0x50000000u)        /* number of words, words: named there too */
#endif

#endif
