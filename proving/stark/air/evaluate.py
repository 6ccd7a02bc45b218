"""The verifier's side: every constraint of every table at one point.

All tables are evaluated together by one schedule (see `schedule`), so the cost in calls is the depth of the deepest
table and not the size of the circuit.

A table of log height h, lifted to the largest log height H, is evaluated at z_t = z^(2^(H-h)). Then z_t^n = z^(2^H) for
every table: all share one vanishing value, and every power that selectors and periodic columns need is a z^(2^k).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from proving.backend.interface import PRIME
from proving.backend.periodic import periodic_coefficients
from proving.backend.program import Op, TableProgram
from proving.field.goldilocks import root_of_unity
from proving.stark.air.arithmetic import Arithmetic, Indices, Vector, base_vector, powers, total
from proving.stark.air.errors import AirError
from proving.stark.air.schedule import LeafKey, Schedule, Step


@dataclass(frozen=True)
class TableOpenings(Generic[Vector]):
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

    main: Vector | None
    main_next: Vector | None = None
    preprocessed: Vector | None = None
    bus: Vector | None = None
    bus_next: Vector | None = None


def evaluate(
    arithmetic: Arithmetic[Vector],
    programs: Sequence[TableProgram],
    schedule: Schedule,
    openings: Sequence[TableOpenings[Vector]],
    *,
    log_heights: Sequence[int],
    squares: Vector,
    publics: Vector | None,
    challenges: Vector,
    bus_sums: Vector | None,
    alpha: Vector,
) -> Vector:
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
    alpha : the constraint challenge, length 1
    """
    leaves = _Leaves(arithmetic, programs, log_heights, squares)
    slots = arithmetic.gather(*leaves.collect(schedule, openings, publics, challenges, bus_sums))
    for level in schedule.levels:
        slots = arithmetic.concatenate([slots, *(_operate(arithmetic, step, slots) for step in level)])
    count = schedule.roots.shape[0]
    constraints = arithmetic.gather(slots, schedule.roots)
    return total(arithmetic, arithmetic.mul(powers(arithmetic, alpha, count), constraints), count)


def _operate(arithmetic: Arithmetic[Vector], step: Step, slots: Vector) -> Vector:
    left = arithmetic.gather(slots, step.a)
    if step.b is None:
        return arithmetic.neg(left)
    right = arithmetic.gather(slots, step.b)
    if step.op is Op.ADD:
        return arithmetic.add(left, right)
    if step.op is Op.SUB:
        return arithmetic.sub(left, right)
    return arithmetic.mul(left, right)


class _Leaves(Generic[Vector]):
    """Collects the values of all leaves into one vector and remembers where each lies."""

    def __init__(
        self,
        arithmetic: Arithmetic[Vector],
        programs: Sequence[TableProgram],
        log_heights: Sequence[int],
        squares: Vector,
    ) -> None:
        if len(log_heights) != len(programs):
            raise AirError(f"{len(log_heights)} heights for {len(programs)} tables")
        self._arithmetic = arithmetic
        self._programs = programs
        self._log_heights = log_heights
        self._largest = max(log_heights)
        self._squares = squares
        self._parts: list[Vector] = []
        self._where: dict[LeafKey, int] = {}
        self._length = 0

    def collect(
        self,
        schedule: Schedule,
        openings: Sequence[TableOpenings[Vector]],
        publics: Vector | None,
        challenges: Vector,
        bus_sums: Vector | None,
    ) -> tuple[Vector, Indices]:
        """The vector of everything, and the index of each of the schedule's leaves in it."""
        wanted = schedule.leaves
        constants = [key for key in wanted if key[1] == Op.CONST]
        if constants:
            self._append(self._arithmetic.constant(base_vector([key[2] for key in constants])), constants)
        if publics is not None:
            count = 1 + max((key[2] for key in wanted if key[1] == Op.PUBLIC), default=-1)
            if count:
                self._append(
                    self._arithmetic.gather(publics, np.arange(count)), [(-1, Op.PUBLIC, i, 0) for i in range(count)]
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
        return self._arithmetic.concatenate(self._parts), np.array([self._where[key] for key in wanted], dtype=np.intp)

    def _append(self, part: Vector, keys: Sequence[LeafKey]) -> None:
        self._parts.append(part)
        for key in keys:
            self._where[key] = self._length
            self._length += 1

    def _challenges(self, wanted: Sequence[LeafKey], challenges: Vector) -> None:
        arithmetic = self._arithmetic
        highest = max((key[2] for key in wanted if key[1] == Op.CHALLENGE), default=-1)
        if highest < 0:
            return
        self._append(arithmetic.gather(challenges, np.array([0])), [(-1, Op.CHALLENGE, 0, 0)])
        beta = powers(arithmetic, arithmetic.gather(challenges, np.array([1])), highest + 1)
        if highest:
            self._append(
                arithmetic.gather(beta, np.arange(1, highest + 1)),
                [(-1, Op.CHALLENGE, i, 0) for i in range(1, highest + 1)],
            )

    def _columns(self, table: int, program: TableProgram, opened: TableOpenings[Vector]) -> None:
        if opened.main is not None:
            self._append(opened.main, [(table, Op.MAIN, i, 0) for i in range(program.main_columns)])
        if opened.main_next is not None:
            self._append(opened.main_next, [(table, Op.MAIN, i, 1) for i in range(program.main_columns)])
        if opened.preprocessed is not None:
            self._append(
                opened.preprocessed, [(table, Op.PREPROCESSED, i, 0) for i in range(program.preprocessed_columns)]
            )

    def _buses(self, openings: Sequence[TableOpenings[Vector]], sums: Vector | None) -> None:
        """Bus columns from their three base columns, and S / n."""
        arithmetic = self._arithmetic
        parts: list[Vector] = []
        keys: list[LeafKey] = []
        tables = [table for table, program in enumerate(self._programs) if program.bus_columns]
        for table in tables:
            columns = self._programs[table].bus_columns
            current, following = openings[table].bus, openings[table].bus_next
            if current is None or following is None:
                raise AirError(f"table {self._programs[table].name}: the openings of its bus columns are missing")
            running = arithmetic.gather(following, np.arange(3 * (columns - 1), 3 * columns))
            parts += [current, running]
            keys += [(table, Op.BUS, i, 0) for i in range(columns)] + [(table, Op.BUS, columns - 1, 1)]
        if not tables:
            return
        if sums is None:
            raise AirError("the tables' bus sums are missing")
        columns = len(keys)
        base = arithmetic.concatenate(parts)
        value = arithmetic.gather(base, np.arange(0, 3 * columns, 3))
        for power in (1, 2):
            unit = np.zeros((columns, 3), dtype=np.uint64)
            unit[:, power] = 1
            component = arithmetic.gather(base, np.arange(power, 3 * columns, 3))
            value = arithmetic.add(value, arithmetic.mul(component, arithmetic.constant(unit)))
        self._append(value, keys)
        shares = base_vector([pow(2 ** self._log_heights[table], PRIME - 2, PRIME) for table in tables])
        self._append(
            arithmetic.mul(sums, arithmetic.constant(shares)), [(table, Op.BUS_SHARE, 0, 0) for table in tables]
        )

    def _selectors(self, wanted: Sequence[LeafKey]) -> None:
        arithmetic = self._arithmetic
        keys = [key for key in wanted if key[1] in (Op.FIRST, Op.LAST, Op.TRANSITION)]
        if not keys:
            return
        logs = [self._log_heights[key[0]] for key in keys]
        points = arithmetic.gather(self._squares, np.array([self._largest - log for log in logs]))
        poles = [
            1 if key[1] == Op.FIRST else pow(root_of_unity(log), PRIME - 2, PRIME)
            for key, log in zip(keys, logs, strict=True)
        ]
        differences = arithmetic.sub(points, arithmetic.constant(base_vector(poles)))
        transitions = np.flatnonzero([key[1] == Op.TRANSITION for key in keys])
        if transitions.size:
            self._append(arithmetic.gather(differences, transitions), [keys[i] for i in transitions])
        edges = np.flatnonzero([key[1] != Op.TRANSITION for key in keys])
        if edges.size:
            scales = base_vector([poles[i] * pow(2 ** logs[i], PRIME - 2, PRIME) % PRIME for i in edges])
            one = arithmetic.constant(base_vector([1]))
            vanishing = arithmetic.sub(arithmetic.gather(self._squares, np.array([self._largest])), one)
            numerators = arithmetic.mul(
                arithmetic.gather(vanishing, np.zeros(edges.size, dtype=np.intp)), arithmetic.constant(scales)
            )
            inverses = arithmetic.inverse(arithmetic.gather(differences, edges))
            self._append(arithmetic.mul(numerators, inverses), [keys[i] for i in edges])

    def _periodic(self, wanted: Sequence[LeafKey]) -> None:
        """Each period's interpolant at z^(2^H / period)."""
        arithmetic = self._arithmetic
        by_period: dict[int, list[LeafKey]] = {}
        for key in wanted:
            if key[1] == Op.PERIODIC:
                by_period.setdefault(len(self._programs[key[0]].periodic[key[2]]), []).append(key)
        for period, keys in by_period.items():
            log_period = period.bit_length() - 1
            point = arithmetic.gather(self._squares, np.array([self._largest - log_period]))
            coefficients = np.array(
                [periodic_coefficients(self._programs[table].periodic[column]) for table, _, column, _ in keys],
                dtype=np.uint64,
            )
            count = len(keys)
            repeated = arithmetic.gather(powers(arithmetic, point, period), np.repeat(np.arange(period), count))
            terms = arithmetic.mul(repeated, arithmetic.constant(base_vector(coefficients.T.ravel())))
            for level in range(log_period - 1, -1, -1):
                half = count << level
                terms = arithmetic.add(
                    arithmetic.gather(terms, np.arange(half)), arithmetic.gather(terms, np.arange(half, 2 * half))
                )
            self._append(terms, keys)
