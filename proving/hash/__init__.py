"""Algebraic hashing: permutations, the compression that everything is hashed with, and domain tags."""

from __future__ import annotations

from proving.hash.compression import DIGEST, RATE, WIDTH, compress, hash_elements, hash_rows
from proving.hash.families import HashFamily
from proving.hash.tags import Tag

__all__ = ["DIGEST", "RATE", "WIDTH", "HashFamily", "Tag", "compress", "hash_elements", "hash_rows"]
