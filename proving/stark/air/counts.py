"""Counts of bus messages: shown by the language to be small integers, never believed.

The bus argument shows that the counts of every message add to zero *in the field*. What a circuit needs is that as many
messages are received as are sent, as integers. The step from one to the other fails for a free count: p - 1 cancels 1,
and 64 sends of (p + 1)/2 balance 32 receives. So every count but that of a looked-up table, which may be anything (see
`bus`), must follow from what the table states:

* an expression that `TableBuilder.boolean` constrains, a condition in 0..1 times one that `Guard.boolean` constrains
  under it, and the selectors FIRST and LAST lie in 0..1;
* an expression without witness, made of constants and of preprocessed and periodic columns, is evaluated on every row;
* the sum of different members of a `TableBuilder.exclusive` set, each possibly times other values in 0..1, lies in
  0..1, because the set's constraints let at most one of its members be 1;
* sums, differences and products have the interval of their parts.

Each line says that the expression's value is *congruent to an integer in the interval*, which holds whatever the
prover does. A count on a permutation bus must lie in -1..1 and that of a lookup or of a wire's reader in 0..1; a wire's
writer has a preprocessed count (see `wires`). With at most 2^40 interactions over all rows, which the key checks, and
multiplicities that sum to less than 2^40, no sum of counts reaches p.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from proving.stark.air.bus import BusKind, Interaction
from proving.stark.air.errors import AirError
from proving.stark.air.graph import Op, P
from proving.stark.air.rows import U64, RowView, evaluate_rows
from proving.stark.air.table import MAX_PERIOD, TableBuilder

Interval = tuple[int, int]  #: inclusive bounds
_Term = tuple[bool, frozenset[int]]  #: whether it is subtracted, and the nodes that are its factors

_BIT: Interval = (0, 1)
#: What a count may be, its sign included, where it is not a looked-up table's or a wire's writer's.
_ALLOWED: dict[BusKind, Interval] = {"permutation": (-1, 1), "lookup": _BIT, "wire": (-1, 0)}
_WITNESS = frozenset({Op.MAIN, Op.PUBLIC, Op.TRANSITION})


def prove_counts(table: TableBuilder) -> None:
    """Check every count of a table; raise `AirError` for the first that does not follow from its constraints."""
    counts = Counts(table)
    for interaction in table.interactions:
        if interaction.provider:
            continue
        if interaction.bus.kind == "wire" and interaction.sends:
            multiplicities(table, interaction)
            continue
        low, high = _ALLOWED[interaction.bus.kind]
        found = counts.interval(interaction.count.node)
        if found is None or found[0] < low or found[1] > high:
            known = "a free value" if found is None else f"a value in {found[0]}..{found[1]}"
            raise AirError(
                f"{table.name}: the count of {interaction.name!r} is {known} as far as the constraints say",
                remedy="count with a boolean(), a sum of exclusive() flags, products of them, or fixed columns of bits",
            )


def multiplicities(table: TableBuilder, interaction: Interaction) -> U64:
    """How often each row writes a wire, (rows,) uint64; raises `AirError` unless the key fixes it."""
    known = fixed_values(table, interaction.count.node)
    if known is None or not table.preprocessed_values:
        raise AirError(
            f"{table.name}: the count of {interaction.name!r}, which writes wires, is not fixed by the key",
            remedy="write wires from a table with preprocessed columns, with a count made of these",
        )
    return known


def fixed_values(table: TableBuilder, node: int) -> U64 | None:
    """Values of an expression without witness; None when it reads any.

    Returns
    -------
    (rows,) uint64, canonical; one longest period for a table whose height is not fixed.
    """
    ops = {table.graph.op[inner] for inner in table.graph.reachable([node])}
    fixed = bool(table.preprocessed_values)
    if ops & _WITNESS or (not fixed and ops & {Op.FIRST, Op.LAST}):
        return None
    height = table.preprocessed_values[0].shape[0] if fixed else MAX_PERIOD
    empty = np.empty((0, height), dtype=np.uint64)
    view = RowView(
        current=empty,
        following=empty,
        preprocessed=np.stack(table.preprocessed_values) if fixed else empty,
        indices=np.arange(height, dtype=np.int64),
        height=height,
        publics=np.empty(0, dtype=np.uint64),
    )
    return evaluate_rows(table, view, [node])[node]


class Counts:
    """Intervals of a table's expressions that follow from its constraints."""

    def __init__(self, table: TableBuilder) -> None:
        self._table = table
        self._graph = table.graph
        self._known: dict[int, Interval | None] = {}

    def interval(self, node: int) -> Interval | None:
        """Bounds of an integer that the value of `node` is congruent to on every row; None when it is free."""
        if node not in self._known:
            self._known[node] = self._derive(node)
        return self._known[node]

    def _derive(self, node: int) -> Interval | None:
        op = self._graph.op[node]
        if node in self._table.booleans or op in (Op.FIRST, Op.LAST):
            return _BIT
        if node in self._table.guarded_booleans:
            condition = self.interval(self._table.guarded_booleans[node])
            return _BIT if _within_bit(condition) else None
        values = fixed_values(self._table, node)
        if values is not None:
            signed = np.where(values > P // 2, values - np.uint64(P), values).view(np.int64)
            return int(signed.min()), int(signed.max())
        if op is Op.NEG:
            return _negated(self.interval(self._graph.a[node]))
        if op is Op.MUL:
            return _product(*(self.interval(operand) for operand in self._graph.operands(node)))
        if op in (Op.ADD, Op.SUB):
            return self._sum(node)
        return None

    def _sum(self, node: int) -> Interval | None:
        a, b = (self.interval(operand) for operand in self._graph.operands(node))
        if self._graph.op[node] is Op.SUB:
            b = _negated(b)
        if a is None or b is None:
            return None
        low, high = a[0] + b[0], a[1] + b[1]
        terms = list(self._terms(node))
        added, subtracted = ([factors for negative, factors in terms if negative is sign] for sign in (False, True))
        if self._exclusive(added) and self._exclusive(subtracted):
            low, high = max(low, -bool(subtracted)), min(high, int(bool(added)))
        return low, high

    def _terms(self, node: int, negative: bool = False) -> Iterator[_Term]:
        """The terms of a sum; a declared boolean is one term, whatever it is made of."""
        op, operands = self._graph.op[node], self._graph.operands(node)
        if node in self._table.booleans or op not in (Op.ADD, Op.SUB, Op.NEG):
            yield negative, frozenset(self._factors(node))
            return
        for position, operand in enumerate(operands):
            yield from self._terms(operand, negative ^ (op is Op.NEG or (op is Op.SUB and position == 1)))

    def _factors(self, node: int) -> Iterator[int]:
        declared = node in self._table.booleans or node in self._table.guarded_booleans
        if declared or self._graph.op[node] is not Op.MUL:
            yield node
            return
        for operand in self._graph.operands(node):
            yield from self._factors(operand)

    def _exclusive(self, terms: list[frozenset[int]]) -> bool:
        """True when all terms lie in 0..1 and at most one of them is not zero."""
        if not all(_within_bit(self.interval(factor)) for factors in terms for factor in factors):
            return False
        return len(terms) < 2 or any(_apart(terms, group) for group in self._table.exclusive_sets)


def _apart(terms: list[frozenset[int]], group: frozenset[int]) -> bool:
    """True when every term has a factor of `group` that no other term has."""
    members = [factors & group for factors in terms]
    return all(members) and sum(map(len, members)) == len(frozenset().union(*members))


def _within_bit(interval: Interval | None) -> bool:
    return interval is not None and interval[0] >= 0 and interval[1] <= 1


def _negated(interval: Interval | None) -> Interval | None:
    return None if interval is None else (-interval[1], -interval[0])


def _product(a: Interval | None, b: Interval | None) -> Interval | None:
    if a is None or b is None:
        return None
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)
