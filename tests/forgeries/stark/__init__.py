"""Forged STARK proofs."""

from __future__ import annotations
