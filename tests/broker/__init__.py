"""Tests of broker/."""

from __future__ import annotations
