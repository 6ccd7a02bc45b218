"""Column types for values that SQL has no type of its own for.

Both are stored as lower-case hex text without prefix: readable in any database console, the same on
SQLite and PostgreSQL, and free of the driver's differences between ``bytes`` and ``memoryview``.
"""

from __future__ import annotations

from typing import Any

from peewee import TextField


class HexField(TextField):
    """A byte string, stored as hex text."""

    def db_value(self, value: Any) -> Any:
        """Return the hex text of `value`."""
        return None if value is None else bytes(value).hex()

    def python_value(self, value: Any) -> Any:
        """Return the bytes of the hex text `value`."""
        return None if value is None else bytes.fromhex(value)


class WideIntegerField(TextField):
    """A non-negative integer below 2^256, stored as 64 hex digits so that text order is numeric order."""

    def db_value(self, value: Any) -> Any:
        """Return the 64 hex digits of `value`."""
        if value is None:
            return None
        number = int(value)
        if not 0 <= number < 1 << 256:
            raise ValueError(f"{number} is not an unsigned 256-bit integer")
        return f"{number:064x}"

    def python_value(self, value: Any) -> Any:
        """Return the integer of the hex digits `value`."""
        return None if value is None else int(value, 16)
