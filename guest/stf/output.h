/* The program's output: Keccak-256 of what Ethereum's L1 knows of a batch. */
#ifndef STF_OUTPUT_H
#define STF_OUTPUT_H

#include "hash.h"

/* r = the 32 bytes of the output; `header` is the witness input's. */
void batch_output(digest *r, const uint32_t *header, const digest *old_root, const digest *new_root,
                  const digest *data, const digest *queue, const digest *messages);

#endif
