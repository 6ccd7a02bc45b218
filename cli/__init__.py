"""The operator's command line."""

from __future__ import annotations
