"""Provers' side: offers, proofs and their acceptance."""
