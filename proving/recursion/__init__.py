"""Recursion: circuits that verify proofs, made by running the one verifier on wires."""
