"""Columns of scalars as values with operators, so that equations read as they are specified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proving.snark.bn254.field import FR, Elements


@dataclass(frozen=True, slots=True)
class Column:
    """Elements of the scalar field, side by side; integers count as the same element in every row.

    Attributes
    ----------
    array
        ``(rows, 4) uint64`` as the kernels hold elements.
    """

    array: Elements

    @classmethod
    def constant(cls, value: int, rows: int) -> Column:
        """Return one element in every row."""
        return cls(np.broadcast_to(FR.scalar(value % FR.modulus), (rows, 4)))

    def __add__(self, other: Column | int) -> Column:
        return Column(FR.add(self.array, _array(other)))

    def __sub__(self, other: Column | int) -> Column:
        return Column(FR.subtract(self.array, _array(other)))

    def __mul__(self, other: Column | int) -> Column:
        return self if isinstance(other, int) and other == 1 else Column(FR.multiply(self.array, _array(other)))

    def inverse(self) -> Column:
        """Return the inverse of every element, zero for zero."""
        return Column(FR.inverse(self.array))


def _array(value: Column | int) -> Elements:
    return value.array if isinstance(value, Column) else FR.scalar(value % FR.modulus)
