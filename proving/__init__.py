"""Everything cryptographic: pure computation, without database, broker or network."""

from __future__ import annotations
