"""The state from L1 alone: what batches published, read from L1's blocks, and the tree that follows from it."""
