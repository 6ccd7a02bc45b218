"""What L1 tells core: requests for the rollup, and claims of what has left it (docs/bridge.md)."""
