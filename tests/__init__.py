"""Tests; a package, so that it shadows nothing."""

from __future__ import annotations
