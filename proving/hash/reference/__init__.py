"""The hashes in plain Python integers: what the fast code must equal."""

from __future__ import annotations
