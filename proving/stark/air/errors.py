"""Errors of circuit descriptions and of the arrays handed to them."""

from __future__ import annotations

from runtime.errors import HallmarkError


class AirError(HallmarkError):
    """A circuit description breaks a rule of the constraint language."""
