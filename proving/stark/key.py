"""Keys: what prover and verifier must agree on before any proof exists.

A key covers the constraint graph, the bounds on heights, the rate, the parameters of every security profile and the
commitment to the preprocessed columns. Its digest is absorbed first by every transcript.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from proving.backend.interface import Array, Backend, Tree, coset_shift
from proving.backend.program import TableProgram
from proving.hash import Tag, hash_elements
from proving.stark.air.circuit import Circuit
from proving.stark.air.program import CircuitProgram, compile_circuit
from proving.stark.arithmetic import Words
from proving.stark.errors import KeyRefused, UnknownProfile
from proving.stark.security import MIN_LOG_HEIGHT, PROFILES, Facts, Parameters, Regime, Report, solve
from proving.stark.shape import FINAL_LOG_LENGTH, LOG_FOLD, MAX_LOG_HEIGHT, Layout, Shape, TableLayout

#: Version of the protocol and of the proof format; absorbed through the key's digest.
PROTOCOL_VERSION = 1
#: Number of bus interactions of a proof, far below p so that multiplicities cannot wrap.
MAX_INTERACTIONS = 2**40
#: The largest domain, 2^(24 + 8), is the largest group of roots of unity of order 2^k.
MAX_LOG_BLOWUP = 8

_REGIME_WORD = {Regime.JOHNSON: 1, Regime.CONJECTURED: 2}


@dataclass
class Prepared:
    """The preprocessed columns where a backend computes: traces and extensions by table, and their tree."""

    traces: dict[int, Array]
    extensions: dict[int, Array]
    tree: Tree | None


@dataclass(frozen=True)
class Key:
    """A circuit's key.

    Attributes
    ----------
    program
        The compiled circuit.
    layout
        Columns, rate and bounds.
    reports
        The security report of every profile the key was made for, at its largest heights.
    preprocessed_cap
        Cap of the preprocessed tree ``(digests, 4)``, or None.
    digest
        ``(4,)``: what prover and verifier compare.
    """

    program: CircuitProgram
    layout: Layout
    reports: Mapping[str, Report]
    preprocessed_cap: Words | None
    digest: Words
    _prepared: dict[int, tuple[Backend, Prepared]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The circuit's name, for people."""
        return self.program.name

    @property
    def publics(self) -> int:
        """Number of public base field elements."""
        return self.program.publics

    @property
    def max_log_heights(self) -> dict[str, int]:
        """The bound on every table's log height."""
        return {table.name: bound for table, bound in zip(self.layout.tables, self.layout.max_log_heights, strict=True)}

    @property
    def hex(self) -> str:
        """The digest as people see it: 64 hexadecimal digits."""
        return "".join(f"{int(word):016x}" for word in self.digest)

    def report(self, profile: str) -> Report:
        """Return the security report of a profile.

        Raises
        ------
        UnknownProfile
            The key was not made for this profile.
        """
        try:
            return self.reports[profile]
        except KeyError:
            known = ", ".join(self.reports)
            raise UnknownProfile(f"The key {self.name} has no profile {profile!r}; it has {known}.") from None

    def parameters(self, profile: str) -> Parameters:
        """Return the parameters of a profile."""
        return self.report(profile).parameters

    def prepared(self, backend: Backend) -> Prepared:
        """Return the preprocessed columns as this backend holds them, computed on first use."""
        found = self._prepared.get(id(backend))
        if found is None:
            found = (backend, _prepare(self.program.tables, self.layout, backend))
            self._prepared[id(backend)] = found
        return found[1]


def build_key(
    circuit: Circuit,
    *,
    backend: Backend,
    log_blowup: int,
    max_log_heights: Mapping[str, int],
    profiles: Sequence[str] = tuple(PROFILES),
) -> Key:
    """Make a circuit's key.

    Parameters
    ----------
    circuit
        The tables; constraint degrees must not exceed ``2^log_blowup + 1``.
    backend
        Commits to the preprocessed columns.
    log_blowup
        log2 of 1/rate.
    max_log_heights
        The bound on every table's log height; tables with preprocessed columns have the height of these.
    profiles
        The profiles that proofs under this key may have.

    Raises
    ------
    KeyRefused
        The bounds do not fit the circuit.
    SecurityBelowProfile
        A profile cannot be reached at the largest heights.
    """
    if not 1 <= log_blowup <= MAX_LOG_BLOWUP:
        raise KeyRefused(f"A rate of 2^-{log_blowup} is outside 1/2 to 2^-{MAX_LOG_BLOWUP}.")
    program = compile_circuit(circuit)
    bounds = tuple(_bound(table, max_log_heights) for table in program.tables)
    layout = Layout(tuple(_table_layout(table, program.max_arity) for table in program.tables), log_blowup, bounds)
    worst = max(table.degree for table in layout.tables)
    if worst > (1 << log_blowup) + 1:
        raise KeyRefused(f"Constraints of degree {worst} do not fit a rate of 1/{1 << log_blowup}.")
    facts = count_facts(layout.largest())
    reports = {name: solve(name, facts) for name in profiles}
    prepared = _prepare(program.tables, layout, backend)
    cap = None if prepared.tree is None else np.ascontiguousarray(prepared.tree.cap)
    key = Key(program, layout, reports, cap, _digest(layout, program, reports, cap))
    key._prepared[id(backend)] = (backend, prepared)
    return key


def count_facts(shape: Shape) -> Facts:
    """Count what the security solver needs from a shape.

    Raises
    ------
    KeyRefused
        There are so many bus interactions that multiplicities could wrap.
    """
    tables = shape.layout.tables
    interactions = sum(
        table.interactions << log_height for table, log_height in zip(tables, shape.log_heights, strict=True)
    )
    if interactions > MAX_INTERACTIONS:
        raise KeyRefused(f"{interactions} bus interactions are more than {MAX_INTERACTIONS}.")
    return Facts(
        log_height=shape.log_height,
        log_blowup=shape.log_blowup,
        batched=shape.opened,
        constraints=sum(table.constraints for table in tables),
        degree=max(table.degree for table in tables),
        interactions=interactions,
        arity=max(table.arity for table in tables),
        folds=shape.folds,
    )


def profile_words(parameters: Parameters) -> tuple[int, ...]:
    """Return a profile and its parameters as the transcript absorbs them."""
    profile = parameters.profile
    return (
        profile.target,
        _REGIME_WORD[profile.regime],
        parameters.queries,
        parameters.query_grinding,
        parameters.batching_grinding,
    )


def _bound(program: TableProgram, bounds: Mapping[str, int]) -> int:
    if program.fixed_log_height is not None:
        bound = program.fixed_log_height
    elif program.name in bounds:
        bound = bounds[program.name]
    else:
        raise KeyRefused(f"No bound is given for the height of table {program.name}.")
    if not MIN_LOG_HEIGHT <= bound <= MAX_LOG_HEIGHT:
        allowed = f"2^{MIN_LOG_HEIGHT} to 2^{MAX_LOG_HEIGHT}"
        raise KeyRefused(f"The bound 2^{bound} of table {program.name} is outside {allowed}.")
    return bound


def _table_layout(program: TableProgram, arity: int) -> TableLayout:
    if not program.main_columns:
        raise KeyRefused(f"Table {program.name} has no main columns.")
    return TableLayout(
        name=program.name,
        main=program.main_columns,
        preprocessed=program.preprocessed_columns,
        bus=program.bus_columns,
        main_next=program.next_columns,
        bus_next=(program.bus_columns - 1,) if program.bus_columns else (),
        constraints=program.constraint_count,
        degree=max(program.constraint_degrees, default=0),
        interactions=program.interactions,
        arity=arity,
        fixed_log_height=program.fixed_log_height,
    )


def _prepare(programs: tuple[TableProgram, ...], layout: Layout, backend: Backend) -> Prepared:
    prepared = Prepared({}, {}, None)
    for index, program in enumerate(programs):
        if program.preprocessed is None or program.fixed_log_height is None:
            continue
        trace = backend.upload(np.ascontiguousarray(program.preprocessed))
        prepared.traces[index] = trace
        shift = coset_shift(program.fixed_log_height)
        prepared.extensions[index] = backend.lde(trace, layout.log_blowup, shift)
    if prepared.extensions:
        prepared.tree = backend.commit(list(prepared.extensions.values()), layout.cap_log)
    return prepared


def _digest(layout: Layout, program: CircuitProgram, reports: Mapping[str, Report], cap: Words | None) -> Words:
    words = [PROTOCOL_VERSION, *(int(word) for word in program.digest), program.publics, layout.log_blowup]
    words.append(layout.cap_log)
    words += [LOG_FOLD, FINAL_LOG_LENGTH, len(layout.tables)]
    for table, bound in zip(layout.tables, layout.max_log_heights, strict=True):
        words += [bound, 0 if table.fixed_log_height is None else 1]
    words.append(len(reports))
    for name in sorted(reports):
        words += profile_words(reports[name].parameters)
    if cap is not None:
        words += [int(word) for word in cap.reshape(-1)]
    return hash_elements(Tag.KEY, np.array(words, dtype=np.uint64))
