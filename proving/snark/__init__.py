"""PLONK over KZG on BN254 for the EVM: circuits, keys, prover and verifier as ``docs/snark.md`` specifies them."""
