"""Tests of housekeeper/."""

from __future__ import annotations
