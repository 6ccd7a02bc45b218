"""The verifier's side: every constraint of every table at one point.

All tables are evaluated together by one schedule (see `schedule`), so the cost in calls is the depth of the deepest
table and not the size of the circuit.

A table of log height h, lifted to the largest log height H, is evaluated at z_t = z^(2^(H-h)). Then z_t^n = z^(2^H) for
every table: all share one vanishing value, and every power that selectors and periodic columns need is a z^(2^k).

What it calculates with are *vectors*, (k, 3), of extension elements; unless said otherwise, every value here is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
import numpy.typing as npt

from proving.backend.interface import PRIME, HostArray
from proving.backend.periodic import periodic_coefficients
from proving.backend.program import Op, TableProgram
from proving.field import extension
from proving.field.goldilocks import root_of_unity
from proving.stark.air.errors import AirError
from proving.stark.air.schedule import Indices, LeafKey, Schedule, Step
from proving.stark.arithmetic import Arithmetic, V

_ZERO = np.zeros(3, dtype=np.uint64)


@dataclass(frozen=True)
class TableOpenings(Generic[V]):
    """What a proof says about one table at its point z_t, and at the next row's point z_t w.

    Attributes
    ----------
    main : main columns at z_t
    main_next : main columns at z_t w
    preprocessed : preprocessed columns at z_t
    bus : the 3 * bus_columns base columns of the challenge phase at z_t
    bus_next : the 3 * bus_columns base columns of the challenge phase at z_t w

    A vector without elements is None.
    """

    main: V | None
    main_next: V | None = None
    preprocessed: V | None = None
    bus: V | None = None
    bus_next: V | None = None


def evaluate(
    arithmetic: Arithmetic[V],
    programs: Sequence[TableProgram],
    schedule: Schedule,
    openings: Sequence[TableOpenings[V]],
    *,
    log_heights: Sequence[int],
    squares: V,
    publics: V | None,
    challenges: V,
    bus_sums: V | None,
    alpha: V,
) -> V:
    """sum_k alpha^k C_k over all constraints of the circuit, each at its table's point; a vector of length 1.

    The proof is consistent at z when this equals Q(z) (z^(2^H) - 1), Q the quotient. Error of the constraint
    challenge: (number of constraints - 1) / |F^3|, times the list size in the Johnson regime.

    Parameters
    ----------
    openings : by table
    log_heights : by table
    squares : z^(2^k) for k = 0 .. H, H the largest log height
    publics : the public inputs, None when there are none
    challenges : alpha and beta of the buses, length 2
    bus_sums : sums of the tables that have interactions, in order; None when there are none
    alpha : the constraint challenge, one element (3,)
    """
    leaves = _Leaves(arithmetic, programs, log_heights, squares)
    slots = arithmetic.take(*leaves.collect(schedule, openings, publics, challenges, bus_sums))
    for level in schedule.levels:
        slots = arithmetic.concatenate([slots, *(_operate(arithmetic, step, slots) for step in level)], 0)
    count = schedule.roots.shape[0]
    constraints = arithmetic.take(slots, schedule.roots)
    return total(arithmetic, arithmetic.ext_multiply(arithmetic.ext_powers(alpha, count), constraints), count)


def _operate(arithmetic: Arithmetic[V], step: Step, slots: V) -> V:
    left = arithmetic.take(slots, step.a)
    if step.b is None:
        return arithmetic.subtract(arithmetic.constant(_ZERO), left)
    right = arithmetic.take(slots, step.b)
    if step.op is Op.ADD:
        return arithmetic.add(left, right)
    if step.op is Op.SUB:
        return arithmetic.subtract(left, right)
    return arithmetic.ext_multiply(left, right)


class _Leaves(Generic[V]):
    """Collects the values of all leaves into one vector and remembers where each lies."""

    def __init__(
        self,
        arithmetic: Arithmetic[V],
        programs: Sequence[TableProgram],
        log_heights: Sequence[int],
        squares: V,
    ) -> None:
        if len(log_heights) != len(programs):
            raise AirError(f"{len(log_heights)} heights for {len(programs)} tables")
        self._arithmetic = arithmetic
        self._programs = programs
        self._log_heights = log_heights
        self._largest = max(log_heights)
        self._squares = squares
        self._parts: list[V] = []
        self._where: dict[LeafKey, int] = {}
        self._length = 0

    def collect(
        self,
        schedule: Schedule,
        openings: Sequence[TableOpenings[V]],
        publics: V | None,
        challenges: V,
        bus_sums: V | None,
    ) -> tuple[V, Indices]:
        """The vector of everything, and the index of each of the schedule's leaves in it."""
        wanted = schedule.leaves
        constants = [key for key in wanted if key[1] == Op.CONST]
        if constants:
            self._append(self._arithmetic.constant(base_vector([key[2] for key in constants])), constants)
        if publics is not None:
            count = 1 + max((key[2] for key in wanted if key[1] == Op.PUBLIC), default=-1)
            if count:
                self._append(
                    self._arithmetic.take(publics, np.arange(count)), [(-1, Op.PUBLIC, i, 0) for i in range(count)]
                )
        self._challenges(wanted, challenges)
        for table, (program, opened) in enumerate(zip(self._programs, openings, strict=True)):
            self._columns(table, program, opened)
        self._buses(openings, bus_sums)
        self._selectors(wanted)
        self._periodic(wanted)
        missing = [key for key in wanted if key not in self._where]
        if missing:
            raise AirError(f"no opening for {len(missing)} leaves, such as {missing[0]}")
        return self._arithmetic.concatenate(self._parts, 0), np.array(
            [self._where[key] for key in wanted], dtype=np.intp
        )

    def _append(self, part: V, keys: Sequence[LeafKey]) -> None:
        self._parts.append(part)
        for key in keys:
            self._where[key] = self._length
            self._length += 1

    def _challenges(self, wanted: Sequence[LeafKey], challenges: V) -> None:
        arithmetic = self._arithmetic
        highest = max((key[2] for key in wanted if key[1] == Op.CHALLENGE), default=-1)
        if highest < 0:
            return
        self._append(arithmetic.take(challenges, np.array([0])), [(-1, Op.CHALLENGE, 0, 0)])
        beta = arithmetic.ext_powers(arithmetic.take(challenges, 1), highest + 1)
        if highest:
            self._append(
                arithmetic.take(beta, np.arange(1, highest + 1)),
                [(-1, Op.CHALLENGE, i, 0) for i in range(1, highest + 1)],
            )

    def _columns(self, table: int, program: TableProgram, opened: TableOpenings[V]) -> None:
        if opened.main is not None:
            self._append(opened.main, [(table, Op.MAIN, i, 0) for i in range(program.main_columns)])
        if opened.main_next is not None:
            self._append(opened.main_next, [(table, Op.MAIN, i, 1) for i in range(program.main_columns)])
        if opened.preprocessed is not None:
            self._append(
                opened.preprocessed, [(table, Op.PREPROCESSED, i, 0) for i in range(program.preprocessed_columns)]
            )

    def _buses(self, openings: Sequence[TableOpenings[V]], sums: V | None) -> None:
        """Bus columns from their three base columns, and S / n."""
        arithmetic = self._arithmetic
        parts: list[V] = []
        keys: list[LeafKey] = []
        tables = [table for table, program in enumerate(self._programs) if program.bus_columns]
        for table in tables:
            columns = self._programs[table].bus_columns
            current, following = openings[table].bus, openings[table].bus_next
            if current is None or following is None:
                raise AirError(f"table {self._programs[table].name}: the openings of its bus columns are missing")
            running = arithmetic.take(following, np.arange(3 * (columns - 1), 3 * columns))
            parts += [current, running]
            keys += [(table, Op.BUS, i, 0) for i in range(columns)] + [(table, Op.BUS, columns - 1, 1)]
        if not tables:
            return
        if sums is None:
            raise AirError("the tables' bus sums are missing")
        columns = len(keys)
        base = arithmetic.concatenate(parts, 0)
        value = arithmetic.take(base, np.arange(0, 3 * columns, 3))
        for power in (1, 2):
            unit = np.zeros((columns, 3), dtype=np.uint64)
            unit[:, power] = 1
            component = arithmetic.take(base, np.arange(power, 3 * columns, 3))
            value = arithmetic.add(value, arithmetic.ext_multiply(component, arithmetic.constant(unit)))
        self._append(value, keys)
        shares = base_vector([pow(2 ** self._log_heights[table], PRIME - 2, PRIME) for table in tables])
        self._append(
            arithmetic.ext_multiply(sums, arithmetic.constant(shares)),
            [(table, Op.BUS_SHARE, 0, 0) for table in tables],
        )

    def _selectors(self, wanted: Sequence[LeafKey]) -> None:
        arithmetic = self._arithmetic
        keys = [key for key in wanted if key[1] in (Op.FIRST, Op.LAST, Op.TRANSITION)]
        if not keys:
            return
        logs = [self._log_heights[key[0]] for key in keys]
        points = arithmetic.take(self._squares, np.array([self._largest - log for log in logs]))
        poles = [
            1 if key[1] == Op.FIRST else pow(root_of_unity(log), PRIME - 2, PRIME)
            for key, log in zip(keys, logs, strict=True)
        ]
        differences = arithmetic.subtract(points, arithmetic.constant(base_vector(poles)))
        transitions = np.flatnonzero([key[1] == Op.TRANSITION for key in keys])
        if transitions.size:
            self._append(arithmetic.take(differences, transitions), [keys[i] for i in transitions])
        edges = np.flatnonzero([key[1] != Op.TRANSITION for key in keys])
        if edges.size:
            scales = base_vector([poles[i] * pow(2 ** logs[i], PRIME - 2, PRIME) % PRIME for i in edges])
            one = arithmetic.constant(base_vector([1]))
            vanishing = arithmetic.subtract(arithmetic.take(self._squares, np.array([self._largest])), one)
            numerators = arithmetic.ext_multiply(
                arithmetic.take(vanishing, np.zeros(edges.size, dtype=np.intp)), arithmetic.constant(scales)
            )
            inverses = arithmetic.ext_inverse(arithmetic.take(differences, edges))
            self._append(arithmetic.ext_multiply(numerators, inverses), [keys[i] for i in edges])

    def _periodic(self, wanted: Sequence[LeafKey]) -> None:
        """Each period's interpolant at z^(2^H / period)."""
        arithmetic = self._arithmetic
        by_period: dict[int, list[LeafKey]] = {}
        for key in wanted:
            if key[1] == Op.PERIODIC:
                by_period.setdefault(len(self._programs[key[0]].periodic[key[2]]), []).append(key)
        for period, keys in by_period.items():
            log_period = period.bit_length() - 1
            point = arithmetic.take(self._squares, self._largest - log_period)
            coefficients = np.array(
                [periodic_coefficients(self._programs[table].periodic[column]) for table, _, column, _ in keys],
                dtype=np.uint64,
            )
            count = len(keys)
            repeated = arithmetic.take(arithmetic.ext_powers(point, period), np.repeat(np.arange(period), count))
            terms = arithmetic.ext_multiply(repeated, arithmetic.constant(base_vector(coefficients.T.ravel())))
            for level in range(log_period - 1, -1, -1):
                half = count << level
                terms = arithmetic.add(
                    arithmetic.take(terms, np.arange(half)), arithmetic.take(terms, np.arange(half, 2 * half))
                )
            self._append(terms, keys)


def total(arithmetic: Arithmetic[V], values: V, count: int) -> V:
    """The sum of all `count` elements, as a vector of length 1."""
    while count > 1:
        half = count // 2
        folded = arithmetic.add(
            arithmetic.take(values, np.arange(half, dtype=np.intp)),
            arithmetic.take(values, np.arange(half, 2 * half, dtype=np.intp)),
        )
        if count % 2:
            rest = arithmetic.take(values, np.array([count - 1], dtype=np.intp))
            folded = arithmetic.concatenate([folded, rest], 0)
        values, count = folded, half + count % 2
    return values


def base_vector(values: npt.ArrayLike) -> HostArray:
    """Base integers (k,) as extension values (k, 3)."""
    return extension.embed(np.asarray(values, dtype=np.uint64))
