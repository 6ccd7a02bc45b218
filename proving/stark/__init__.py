"""The STARK engine: circuit description, commitments, FRI, prover, verifier and security accounting."""
