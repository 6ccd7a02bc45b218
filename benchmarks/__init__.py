"""What Hallmark measures about itself."""

from __future__ import annotations
