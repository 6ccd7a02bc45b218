"""The prover, against the backend interface only: whole arrays that live where they are computed.

It follows the verifier's transcript step by step and checks nothing itself; stages verify what they made. Arrays are
released as soon as the last phase that reads them is over: the traces after the bus columns, the constraint values
after the quotient, the FRI layers as their trees hold them.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

import numpy as np

from proving.backend.expansion import Expansion
from proving.backend.interface import Array, Backend, Opening, Tree, coset_shift
from proving.field import extension
from proving.field.goldilocks import PRIME, root_of_unity
from proving.stark.arithmetic import Words
from proving.stark.errors import ChallengeRefused, TraceRefused
from proving.stark.family import integers, tree_hashing
from proving.stark.key import PROOF_FORMAT, Key, profile_words
from proving.stark.proof import Proof, TreeOpening, serialize
from proving.stark.security import Parameters
from proving.stark.shape import EXTENSION_DEGREE, Phase, Shape
from proving.stark.transcript import Transcript
from runtime.progress import Progress

#: The phases in order, by the names that progress bars and traces show.
PHASES = ("main", "bus", "quotient", "openings", "fri", "queries")


def prove(
    key: Key,
    profile: str,
    publics: Words,
    traces: Mapping[str, Words] | Expansion,
    backend: Backend,
    progress: Progress | None = None,
    *,
    consume: bool = False,
) -> bytes:
    """Prove that the traces satisfy the key's circuit.

    Parameters
    ----------
    key
        The circuit's key.
    profile
        The security profile that the proof is to have.
    publics
        ``(key.publics,)`` canonical public input.
    traces
        Per table name ``(main columns, rows) uint64``, canonical; or the records that the backend is to expand to them.
    backend
        Computes everything that grows with the rows.
    progress
        Told as each phase begins.
    consume
        Whether the prover may empty ``traces`` (a ``dict``, or records) as it goes, so that their memory is free early.

    Returns
    -------
    bytes
        The proof. Traces that break a constraint give bytes too, which no verifier accepts.

    Raises
    ------
    TraceRefused
        The traces do not have the form that the key states.
    ExpansionRefused
        The records are not those of a segment.
    UnknownProfile
        The key has no parameters for the profile.
    """
    parameters = key.parameters(profile)
    publics = np.ascontiguousarray(publics, dtype=np.uint64)
    if publics.shape != (key.publics,):
        raise TraceRefused(f"The public input has shape {publics.shape}, the circuit takes {key.publics} elements.")
    shape = _shape_of(key, traces.shapes if isinstance(traces, Expansion) else _shapes(traces))
    run = _Run(key, parameters, shape, publics, backend, progress or _silent)

    def follow() -> Proof[Words]:
        run.absorb_claim()
        run.commit_main(traces, consume)
        run.commit_bus()
        run.commit_quotient()
        run.open()
        run.fold()
        return run.answer_queries()

    return serialize(shape, backend.together(follow))


def _silent(fraction: float, phase: str) -> None:
    return None


def _shapes(traces: Mapping[str, Words]) -> dict[str, tuple[int, ...]]:
    for name, trace in traces.items():
        if trace.dtype != np.uint64:
            raise TraceRefused(f"The trace of table {name!r} is {trace.dtype}, expected uint64.")
    return {name: trace.shape for name, trace in traces.items()}


def _shape_of(key: Key, shapes: Mapping[str, tuple[int, ...]]) -> Shape:
    """Read the heights off the traces' shapes and check their form."""
    known = {table.name for table in key.layout.tables}
    unknown = sorted(set(shapes) - known)
    if unknown:
        raise TraceRefused(f"The circuit {key.name} has no table {unknown[0]!r}.")
    heights = []
    for table in key.layout.tables:
        shape = shapes.get(table.name)
        if shape is None:
            raise TraceRefused(f"There is no trace for table {table.name!r}.")
        if len(shape) != 2 or shape[0] != table.main:
            raise TraceRefused(
                f"The trace of table {table.name!r} has the shape {shape}, expected uint64 ({table.main}, rows)."
            )
        rows = shape[1]
        if rows == 0 or rows & (rows - 1):
            raise TraceRefused(f"The trace of table {table.name!r} has {rows} rows, which is no power of two.")
        heights.append(rows.bit_length() - 1)
    return key.layout.shape(tuple(heights))


@dataclass
class _Run:
    """One proof in the making."""

    key: Key
    parameters: Parameters
    shape: Shape
    publics: Words
    backend: Backend
    progress: Progress
    traces: dict[int, Array] = field(default_factory=dict)
    extensions: dict[tuple[Phase, int | None], Array] = field(default_factory=dict)
    trees: dict[Phase, Tree] = field(default_factory=dict)
    bus_challenges: Words = field(default_factory=lambda: np.zeros((2, EXTENSION_DEGREE), dtype=np.uint64))
    bus_sums: dict[int, Words] = field(default_factory=dict)
    point: Words = field(default_factory=lambda: np.zeros(EXTENSION_DEGREE, dtype=np.uint64))
    openings: Words = field(default_factory=lambda: np.zeros((0, EXTENSION_DEGREE), dtype=np.uint64))
    batching_nonce: Words = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    query_nonce: Words = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    layers: list[Tree] = field(default_factory=list)
    final: Words = field(default_factory=lambda: np.zeros((0, EXTENSION_DEGREE), dtype=np.uint64))

    def __post_init__(self) -> None:
        family = self.key.layout.family
        self.arithmetic = integers(family)
        self.transcript = Transcript(self.arithmetic)
        self.hashing = tree_hashing(family)

    def absorb_claim(self) -> None:
        """Bind profile, key, shape and public input."""
        self.transcript.absorb_words(PROOF_FORMAT, *profile_words(self.parameters))
        self.transcript.absorb(self.key.digest)
        self.transcript.absorb_words(*self.shape.log_heights)
        self.transcript.absorb(self.publics)

    def commit_main(self, traces: Mapping[str, Words] | Expansion, consume: bool) -> None:
        """Expand records where there are no traces yet, extend and commit the main columns."""
        self._begin("main")
        backend, prepared = self.backend, self.key.prepared(self.backend)
        for index, extended in prepared.extensions.items():
            self.extensions[Phase.PREPROCESSED, index] = extended
        if prepared.tree is not None:
            self.trees[Phase.PREPROCESSED] = prepared.tree
        expanded: dict[str, Array] = {}
        if isinstance(traces, Expansion):
            expanded = backend.expand(traces)
            if consume:
                traces.release()
        for index, table in enumerate(self.key.layout.tables):
            if isinstance(traces, Expansion):
                self.traces[index] = expanded.pop(table.name)
            else:
                self.traces[index] = backend.upload(np.ascontiguousarray(traces[table.name]))
                if consume and isinstance(traces, MutableMapping):
                    del traces[table.name]
            self._extend(Phase.MAIN, index, self.traces[index])
            if not table.bus:
                del self.traces[index]
        self._commit(Phase.MAIN)

    def commit_bus(self) -> None:
        """Draw the bus challenges, compute and commit the bus columns and their sums."""
        self._begin("bus")
        if not self.shape.bus_tables:
            return
        self.bus_challenges = np.stack([self.transcript.challenge(), self.transcript.challenge()])
        prepared = self.key.prepared(self.backend)
        for index in self.shape.bus_tables:
            columns, total = self.backend.bus_columns(
                self.key.program.tables[index],
                self.traces.pop(index),
                prepared.traces.get(index),
                self.bus_challenges,
                self.publics,
            )
            self.bus_sums[index] = total
            self._extend(Phase.BUS, index, columns)
        self._commit(Phase.BUS)
        self.transcript.absorb(np.stack(list(self.bus_sums.values())))

    def commit_quotient(self) -> None:
        """Combine the constraints of all tables into one lifted quotient, cut it into blocks and commit to them."""
        self._begin("quotient")
        alpha = self.transcript.challenge()
        powers = extension.powers(alpha, self.key.program.constraint_count)
        backend, shape = self.backend, self.shape
        zero = np.zeros(EXTENSION_DEGREE, dtype=np.uint64)
        parts = []
        for index, (program, log_height) in enumerate(zip(self.key.program.tables, shape.log_heights, strict=True)):
            if program.constraint_count == 0:
                continue
            first = program.constraint_offset
            part = backend.quotient(
                program,
                self.extensions[Phase.MAIN, index],
                self.extensions.get((Phase.PREPROCESSED, index)),
                self.extensions.get((Phase.BUS, index)),
                publics=self.publics,
                challenges=self.bus_challenges,
                alpha_powers=np.ascontiguousarray(powers[first : first + program.constraint_count]),
                bus_sum=self.bus_sums.get(index, zero),
                log_height=log_height,
                log_blowup=shape.log_blowup,
                shift=coset_shift(log_height),
            )
            parts.append(part)
        total = backend.lift_sum(parts, shape.log_domain)
        del part
        parts.clear()
        shift = coset_shift(shape.log_height)
        coefficients = backend.coset_interpolate(total, shift)
        del total
        blocks = backend.split_blocks(coefficients, shape.quotient_chunks, 1 << shape.log_height)
        del coefficients
        self.extensions[Phase.QUOTIENT, None] = backend.coset_evaluate(blocks, shape.log_blowup, shift)
        self._commit(Phase.QUOTIENT)

    def open(self) -> None:
        """Draw the out-of-domain point and open every column on its table's own domain."""
        self._begin("openings")
        self.point = self.transcript.challenge()
        self._refuse_point()
        opened = []
        for group in self.shape.openings:
            log_height = group.log_rows - self.shape.log_blowup
            columns = self.extensions[group.phase, group.table]
            point = self._point(log_height, group.next)
            opened.append(self.backend.open_at(columns, self.shape.log_blowup, coset_shift(log_height), point))
        self.openings = np.concatenate(opened)
        self.transcript.absorb(self.openings)
        self.batching_nonce = self._work(self.parameters.batching_grinding)

    def fold(self) -> None:
        """Draw the batching challenge, form the DEEP quotient, fold it down to the final polynomial."""
        self._begin("fri")
        backend, shape = self.backend, self.shape
        values = self._deep_quotient(self.transcript.challenge())
        shift = coset_shift(shape.log_height)
        for layer, fold in zip(shape.layers, shape.folds, strict=True):
            tree = backend.commit([backend.group(values, fold)], layer.cap_log, self.hashing)
            self.layers.append(tree)
            self.transcript.absorb_digests(np.ascontiguousarray(tree.cap))
            values = backend.fold(values, self.transcript.challenge(), fold, shift)
            shift = pow(shift, 1 << fold, PRIME)
        coefficients = backend.download(backend.coset_interpolate(values, shift))
        self.final = np.ascontiguousarray(coefficients[:, : shape.final_length].T)
        self.transcript.absorb(self.final)
        self.query_nonce = self._work(self.parameters.query_grinding)

    def answer_queries(self) -> Proof[Words]:
        """Draw the query indices and open every tree at them."""
        self._begin("queries")
        shape = self.shape
        bits = self.transcript.indices(self.parameters.queries, shape.log_domain)
        indices = (bits << np.arange(shape.log_domain, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        trees = {
            phase: _opening(self.trees[phase].open(indices >> np.uint64(shape.log_domain - tree.log_rows)))
            for phase, tree in shape.trees.items()
        }
        layers = []
        for tree, fold in zip(self.layers, shape.folds, strict=True):
            indices = indices >> np.uint64(fold)
            layers.append(_opening(tree.open(indices)))
        self.progress(1.0, "queries")
        caps: dict[Phase, Words] = {
            phase: np.ascontiguousarray(tree.cap)
            for phase, tree in self.trees.items()
            if phase is not Phase.PREPROCESSED
        }
        sums = np.array(list(self.bus_sums.values()), dtype=np.uint64).reshape(-1, EXTENSION_DEGREE)
        layer_caps = tuple(np.ascontiguousarray(tree.cap) for tree in self.layers)
        return Proof(
            caps,
            sums,
            self.openings,
            self.batching_nonce,
            layer_caps,
            self.final,
            self.query_nonce,
            trees,
            tuple(layers),
        )

    def _deep_quotient(self, batching: Words) -> Array:
        """Sum, over heights, the quotients of the weighted columns on each height's own domain."""
        backend, shape, arithmetic = self.backend, self.shape, self.arithmetic
        weights = extension.powers(batching, shape.batched)[list(shape.exponents)]
        weighted = extension.multiply(self.openings, weights)
        sums: dict[int, dict[bool, tuple[Array, Words]]] = {}
        position = 0
        for group in shape.openings:
            here = slice(position, position + group.columns)
            position = here.stop
            columns = self.extensions[group.phase, group.table]
            vector = backend.linear_combination(columns, np.ascontiguousarray(weights[here]))
            value = arithmetic.sum(weighted[here], 0)
            points = sums.setdefault(group.log_rows, {})
            if group.next in points:
                so_far, value_so_far = points[group.next]
                vector = backend.lift_sum([so_far, vector], group.log_rows)
                value = arithmetic.add(value_so_far, value)
                del so_far
            points[group.next] = vector, value
            del vector
        parts = []
        for log_rows, points in sums.items():
            log_height = log_rows - shape.log_blowup
            terms = [
                (self._point(log_height, following), value, {log_rows: vector})
                for following, (vector, value) in points.items()
            ]
            parts.append(backend.deep_quotient(terms, log_rows, coset_shift(log_height)))
        sums.clear()
        return parts[0] if len(parts) == 1 else backend.lift_sum(parts, shape.log_domain)

    def _begin(self, phase: str) -> None:
        self.progress(PHASES.index(phase) / len(PHASES), phase)

    def _extend(self, phase: Phase, index: int, trace: Array) -> None:
        shift = coset_shift(self.shape.log_heights[index])
        self.extensions[phase, index] = self.backend.lde(trace, self.shape.log_blowup, shift)

    def _commit(self, phase: Phase) -> None:
        tree = self.shape.trees[phase]
        matrices = [self.extensions[phase, matrix.table] for matrix in tree.matrices]
        self.trees[phase] = self.backend.commit(matrices, tree.cap_log, self.hashing)
        self.transcript.absorb_digests(np.ascontiguousarray(self.trees[phase].cap))

    def _point(self, log_height: int, following: bool) -> Words:
        """Return the out-of-domain point on the domain of this height, or its next row."""
        point = extension.power(self.point, 1 << (self.shape.log_height - log_height))
        if following:
            point = extension.scale(point, np.array(root_of_unity(log_height), dtype=np.uint64))
        return point

    def _refuse_point(self) -> None:
        """Refuse a point inside the trace domain or the evaluation coset: no verifier would accept it."""
        log_height, log_domain = self.shape.log_height, self.shape.log_domain
        coset = pow(coset_shift(log_height), 1 << log_domain, PRIME)
        for log_order, value in ((log_height, 1), (log_domain, coset)):
            if np.array_equal(extension.power(self.point, 1 << log_order), extension.constant(value)):
                raise ChallengeRefused

    def _work(self, bits: int) -> Words:
        if bits == 0:
            return np.zeros(0, dtype=np.uint64)
        nonce = np.array([self.backend.grind(self.transcript.state, bits, self.hashing)], dtype=np.uint64)
        self.transcript.work(nonce, 0)
        return nonce


def _opening(opening: Opening) -> TreeOpening[Words]:
    return TreeOpening(tuple(opening.rows), opening.path)
