"""Core's way to L1: commits, proves and executes batches on the Executor contract (docs/l1.md).

Where L1 is not configured, only `status` is imported: the client library takes a second to load.
"""
