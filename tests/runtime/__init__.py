"""Tests of runtime/."""

from __future__ import annotations
