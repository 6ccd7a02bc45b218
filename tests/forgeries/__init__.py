"""Forgeries: everything that verifies is attacked here."""

from __future__ import annotations
