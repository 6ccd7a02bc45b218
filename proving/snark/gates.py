"""Rows of gates as a circuit is being built: wires, selectors, and which gates share a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from proving.snark.circuit import UNUSED, Ids
from proving.snark.layout import SELECTORS, WIRES
from proving.snark.points import SCALAR_MODULUS

#: One row of a group: its wires by name, and its selectors.
GroupRow = tuple[Mapping[str, Ids], Mapping[str, int]]


class Gates:
    """Gates, added lane-wise: arrays of variables of one shape get one row or one group of rows each."""

    def __init__(self) -> None:
        self._wires: list[Ids] = []
        self._selectors: list[Ids] = []
        self._movable: list[tuple[Ids, Ids]] = []
        self._rows = self._hosts = self._guests = self._counted = 0
        self._counts: dict[str, int] = {}
        self._pool: dict[int, int] = {0: 0, 1: 1}

    @property
    def rows(self) -> int:
        """Rows of all gates so far, without public inputs and table."""
        return self._rows + max(0, self._guests - self._hosts)

    @property
    def row_counts(self) -> dict[str, int]:
        """Rows by part, those of gates that share a row left out; see `counting`."""
        return dict(self._counts)

    @contextmanager
    def counting(self, part: str) -> Iterator[None]:
        """Count what is added meanwhile as rows of a part, unless a part within it does."""
        begin, inner = self._net, self._counted
        yield
        added = self._net - begin - (self._counted - inner)
        self._counts[part] = self._counts.get(part, 0) + added
        self._counted += added

    @property
    def _net(self) -> int:
        return self._rows + self._guests - self._hosts

    @property
    def pool(self) -> list[int]:
        """The values that selectors take, in the order of their places."""
        return list(self._pool)

    def pooled(self, value: int) -> int:
        """Return the place of a selector's value in the pool."""
        return self._pool.setdefault(value % SCALAR_MODULUS, len(self._pool))

    def group(self, rows: Sequence[GroupRow]) -> None:
        """Add consecutive rows for each lane: wires by name, and selectors by their names in the key."""
        lanes = max(ids.size for wires, _ in rows for ids in wires.values())
        cells = np.full((lanes, len(rows), len(WIRES)), UNUSED, dtype=np.int64)
        selectors = np.zeros((len(rows), len(SELECTORS)), dtype=np.int64)
        for i, (wires, factors) in enumerate(rows):
            for name, ids in wires.items():
                cells[:, i, WIRES.index(name)] = ids
            for name, factor in factors.items():
                selectors[i, SELECTORS.index(name)] = self.pooled(factor)
        self._wires.append(cells.reshape(-1, len(WIRES)))
        self._selectors.append(np.tile(selectors, (lanes, 1)))
        self._rows += lanes * len(rows)
        self._hosts += int(_hosts(self._wires[-1], self._selectors[-1]).sum())

    def gate(self, wires: Mapping[str, Ids], factors: Mapping[str, int]) -> None:
        """Add a row per lane in which ``ab a b + cd c d + a a + b b + c c + d d + k = 0``.

        A gate of three wires and one product at most may share its row with a value that another gate's next row holds.

        Parameters
        ----------
        wires
            Variables of ``a``, ``b``, ``c``, ``d``, ``(lanes,)`` each; others stay unused.
        factors
            ``ab``, ``cd``, ``a``, ``b``, ``c``, ``d``, ``k``; others are zero.
        """
        moved = _without_a(wires, factors)
        if moved is None:
            self.group([(wires, named(factors))])
            return
        lanes = max(ids.size for ids in wires.values())
        places, factors = moved
        cells = np.full((lanes, len(WIRES)), UNUSED, dtype=np.int64)
        for name, ids in places.items():
            cells[:, WIRES.index(name)] = ids
        selectors = np.zeros((1, len(SELECTORS)), dtype=np.int64)
        for name, factor in named(factors).items():
            selectors[0, SELECTORS.index(name)] = self.pooled(factor)
        self._movable.append((cells, np.repeat(selectors, lanes, axis=0)))
        self._guests += lanes

    def laid_out(self) -> tuple[Ids, Ids]:
        """Return wires ``(rows, 4)`` and selectors ``(rows, 12)`` of all gates, those that may move where they fit."""
        none = np.zeros((0, len(WIRES)), dtype=np.int64), np.zeros((0, len(SELECTORS)), dtype=np.int64)
        wires, selectors = np.concatenate([none[0], *self._wires]), np.concatenate([none[1], *self._selectors])
        moved, factors = (np.concatenate(parts) for parts in zip(none, *self._movable, strict=True))
        hosts = np.flatnonzero(_hosts(wires, selectors))[: len(moved)]
        wires[hosts, 1:] = moved[: hosts.size, 1:]
        selectors[hosts] = factors[: hosts.size]
        return np.concatenate([wires, moved[hosts.size :]]), np.concatenate([selectors, factors[hosts.size :]])


def named(factors: Mapping[str, int]) -> dict[str, int]:
    """Return a gate's factors by the names of their selectors."""
    return {f"q_{name}": factor for name, factor in factors.items()}


def _hosts(wires: Ids, selectors: Ids) -> NDArray[np.bool_]:
    """Return which rows hold a value in wire a for the row before them, and nothing else."""
    alone: NDArray[np.bool_] = (wires[:, 0] != UNUSED) & (wires[:, 1:] == UNUSED).all(axis=1)
    alone &= (selectors == 0).all(axis=1)
    return alone


def _without_a(wires: Mapping[str, Ids], factors: Mapping[str, int]) -> tuple[dict[str, Ids], dict[str, int]] | None:
    """Return a gate's wires and factors without wire a, or None if it needs four wires."""
    if {"ab", "cd"} <= set(factors) or len(wires) == len(WIRES):
        return None
    product = next((name for name in ("ab", "cd") if name in factors), "")
    rest = [name for name in wires if name not in product]
    if len(rest) + len(product) >= len(WIRES):
        return None
    places = dict(zip([*product, *rest], "cdb" if product else "bcd", strict=False))
    renamed = {"k": "k", product: "cd"} | places
    return {places[name]: ids for name, ids in wires.items()}, {renamed[name]: f for name, f in factors.items()}
