"""Tests; a package, so that it shadows nothing."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says something about the machine, not about what is tested.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
