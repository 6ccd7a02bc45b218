"""Keys: what prover and verifier must agree on before any proof exists.

A key covers the compiled circuit, the layout of its tables, the bounds on heights, the rate, the parameters of every
security profile and the commitment to the preprocessed columns. Its digest is absorbed first by every transcript.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from proving.backend.interface import Array, Backend, Tree, TreeHashing, coset_shift
from proving.backend.program import TableProgram
from proving.hash import HashFamily, Tag, hash_elements
from proving.stark.air.program import CircuitProgram
from proving.stark.arithmetic import Words
from proving.stark.errors import KeyRefused, UnknownProfile
from proving.stark.family import tree_hashing
from proving.stark.security import DIGEST_BITS, Facts, Parameters, Regime, Report
from proving.stark.shape import Layout, Shape

#: Version of the proof system: what a key covers, what the transcript absorbs, how a proof is written.
#: Part of every key's digest and absorbed by every transcript.
PROOF_FORMAT = 2
#: Number of bus interactions of a proof, far below p so that multiplicities cannot wrap.
MAX_INTERACTIONS = 2**40

#: Makes the tree over matrices ``(c_i, 2^l_i)``, see :meth:`Backend.commit`.
Commit: TypeAlias = Callable[[Sequence[Array], int, TreeHashing | None], Tree]

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

    def prepared(self, backend: Backend, commit: Commit | None = None) -> Prepared:
        """Return the preprocessed columns as this backend holds them, computed on first use.

        Parameters
        ----------
        commit
            How the tree is made; the backend makes it when left out.

        Raises
        ------
        KeyRefused
            The columns are not those that the key commits to.
        """
        found = self._prepared.get(id(backend))
        if found is None:
            made = prepare(self.program.tables, self.layout, backend, commit)
            cap = None if made.tree is None else made.tree.cap
            if cap is None or self.preprocessed_cap is None:
                same = cap is self.preprocessed_cap
            else:
                same = np.array_equal(cap, self.preprocessed_cap)
            if not same:
                raise KeyRefused(f"The preprocessed columns of {self.name} are not those that its key commits to.")
            found = self._prepared[id(backend)] = (backend, made)
        return found[1]

    def forget(self) -> None:
        """Let go of what backends hold of the preprocessed columns; it is computed again on its next use."""
        self._prepared.clear()


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
        batched=shape.batched,
        constraints=sum(table.constraints for table in tables),
        degree=max(table.degree for table in tables),
        interactions=interactions,
        arity=max(table.arity for table in tables),
        folds=shape.folds,
        digest_bits=DIGEST_BITS[shape.layout.family],
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


def prepare(
    programs: tuple[TableProgram, ...], layout: Layout, backend: Backend, commit: Commit | None = None
) -> Prepared:
    """Extend and commit the preprocessed columns on a backend; `commit` makes the tree where it is given."""
    prepared = Prepared({}, {}, None)
    for index, program in enumerate(programs):
        if program.preprocessed is None or program.fixed_log_height is None:
            continue
        trace = backend.upload(np.ascontiguousarray(program.preprocessed))
        prepared.traces[index] = trace
        shift = coset_shift(program.fixed_log_height)
        prepared.extensions[index] = backend.lde(trace, layout.log_blowup, shift)
    if prepared.extensions:
        extended = list(prepared.extensions.values())
        prepared.tree = (commit or backend.commit)(extended, layout.cap_log, tree_hashing(layout.family))
    return prepared


def key_digest(layout: Layout, program: CircuitProgram, reports: Mapping[str, Report], cap: Words | None) -> Words:
    """Return the digest of a key with these parts, ``(4,)``.

    It is the hash of two digests: of all that circuits with the same tables have in common, and of the preprocessed
    cap. So a circuit that verifies proofs of several such circuits takes the first for granted and hashes the second.
    """
    cap_words = np.zeros(0, dtype=np.uint64) if cap is None else _cap_elements(layout, cap)
    parts = [key_frame(layout, program, reports), hash_elements(Tag.KEY, cap_words)]
    return hash_elements(Tag.KEY, np.concatenate(parts))


def key_frame(layout: Layout, program: CircuitProgram, reports: Mapping[str, Report]) -> Words:
    """Return the digest of everything in a key but the preprocessed cap, ``(4,)``."""
    words = [PROOF_FORMAT, *(int(word) for word in program.digest), program.publics, layout.log_blowup]
    words += [layout.cap_log, layout.log_fold, layout.final_log_length, len(layout.tables)]
    for table, bound in zip(layout.tables, layout.max_log_heights, strict=True):
        words += [bound, 0 if table.fixed_log_height is None else 1]
        words += [table.main, table.preprocessed, table.bus, table.constraints, table.degree]
        words += [table.interactions, table.arity]
        words += [len(table.main_next), *table.main_next]
    words.append(len(reports))
    for name in sorted(reports):
        words += profile_words(reports[name].parameters)
    if layout.family is not HashFamily.GOLDILOCKS:
        words.append(layout.family)
    return hash_elements(Tag.KEY, np.array(words, dtype=np.uint64))


def _cap_elements(layout: Layout, cap: Words) -> Words:
    """Return a cap's digests as elements: their own, or half words where a word need not be below p."""
    if layout.family is HashFamily.GOLDILOCKS:
        return cap.reshape(-1)
    return np.ascontiguousarray(cap, dtype="<u8").view("<u4").reshape(-1).astype(np.uint64)
