"""Core's way to L1: commits, proves and executes batches on the Executor contract (docs/l1.md).

Nothing of this package is imported where L1 is not configured: its client library takes a second to load.
"""
