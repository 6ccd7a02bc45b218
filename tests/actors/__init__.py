"""Tests of actors/."""

from __future__ import annotations
