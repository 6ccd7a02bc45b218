"""The verifier.

:func:`check` is written once over :class:`~proving.stark.arithmetic.Arithmetic`: on integers it is the verifier, on
circuit variables it is the recursion circuit. It treats all queries as one array and branches on shape only.
:func:`verify` wraps it for bytes. Key, profile and public input come from the caller, never from the proof.

Beside each challenge stands what drawing it costs, in the names of :mod:`proving.stark.security`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic

import numpy as np

from proving.backend.interface import coset_shift
from proving.field.goldilocks import PRIME, root_of_unity
from proving.stark.air.evaluate import TableOpenings
from proving.stark.arithmetic import Arithmetic, V, Words
from proving.stark.commitments import check_opening, leaf_rows
from proving.stark.errors import (
    BusUnbalanced,
    ChallengeRefused,
    ConstraintsViolated,
    DeepRefused,
    FinalPolynomialRefused,
    FoldRefused,
    ProfileRefused,
    ProofLength,
    ProofRefused,
    PublicInputRefused,
)
from proving.stark.family import integers
from proving.stark.fri import domain_points, evaluate_final, square
from proving.stark.key import PROOF_FORMAT, Key, profile_words
from proving.stark.proof import Proof, parse
from proving.stark.security import Parameters, Report
from proving.stark.shape import EXTENSION_DEGREE, Phase, Shape
from proving.stark.transcript import Transcript


@dataclass(frozen=True)
class Verdict:
    """What an accepted proof shows.

    Attributes
    ----------
    key
        The key's digest in hexadecimal.
    profile
        The profile it was accepted under.
    security
        The achieved bits, term by term.
    log_heights
        The heights of the tables.
    """

    key: str
    profile: str
    security: Report
    log_heights: tuple[int, ...]


@dataclass(frozen=True)
class Claim(Generic[V]):
    """What a proof is checked against, as values: key digest, preprocessed cap (or None) and public input."""

    key_digest: V
    preprocessed_cap: V | None
    publics: V


def verify(key: Key, profile: str, publics: Words, proof: bytes) -> Verdict:
    """Check a proof.

    Parameters
    ----------
    key
        The circuit's key, from the caller.
    profile
        The security profile that the caller asks for.
    publics
        ``(key.publics,)`` canonical public input, of an integer type.
    proof
        Untrusted bytes.

    Returns
    -------
    Verdict
        The proof holds.

    Raises
    ------
    ProofRefused
        One of :data:`proving.stark.errors.REFUSALS`; nothing else, whatever the bytes are.
    UnknownProfile
        The key has no parameters for the profile.
    """
    report = key.report(profile)
    publics = _canonical(key, publics)
    try:
        shape, parts = parse(key.layout, report.parameters, proof)
    except ProofLength as error:
        raise (_by_length(key, profile, proof) or error) from None
    claim = Claim(key.digest, key.preprocessed_cap, publics)
    check(integers(key.layout.family), key, shape, report.parameters, claim, parts)
    return Verdict(key.hex, profile, report, shape.log_heights)


def _by_length(key: Key, profile: str, proof: bytes) -> ProfileRefused | None:
    """Return the refusal that names the profile whose proofs have this proof's length, if there is one."""
    for other, report in key.reports.items():
        with suppress(ProofRefused):
            parse(key.layout, report.parameters, proof)
            return ProfileRefused(expected=profile, got=other)
    return None


def _canonical(key: Key, publics: object) -> Words:
    """Return the public input as words; refused before anything is converted that is not an integer below p."""
    try:
        given = np.asarray(publics)
    except ValueError as error:
        raise PublicInputRefused("The public input is no array of numbers.") from error
    if given.shape != (key.publics,):
        raise PublicInputRefused(expected=f"{key.publics} elements", got=f"shape {given.shape}")
    if given.dtype.kind not in "ui" and given.size:
        raise PublicInputRefused(expected="integers of at most 64 bits", got=f"{given.dtype}")
    if given.dtype.kind == "i" and bool((given < 0).any()):
        raise PublicInputRefused("A public input is negative.")
    words = given.astype(np.uint64)
    if bool((words >= np.uint64(PRIME)).any()):
        raise PublicInputRefused("A public input is not below the modulus.")
    return words


def check(
    arithmetic: Arithmetic[V], key: Key, shape: Shape, parameters: Parameters, claim: Claim[V], proof: Proof[V]
) -> None:
    """Refuse unless the proof shows the claim; the protocol in the order of its transcript."""
    transcript = Transcript(arithmetic)
    transcript.absorb_words(PROOF_FORMAT, *profile_words(parameters))
    transcript.absorb(claim.key_digest)
    transcript.absorb_words(*shape.log_heights)
    transcript.absorb(claim.publics)
    transcript.absorb_digests(proof.caps[Phase.MAIN])
    bus_challenges: V | None = None
    if Phase.BUS in shape.trees:
        bus_challenges = arithmetic.stack([transcript.challenge(), transcript.challenge()], 0)  # costs: bus
        transcript.absorb_digests(proof.caps[Phase.BUS])
        transcript.absorb(proof.bus_sums)
        zero = arithmetic.constant(np.zeros(EXTENSION_DEGREE, dtype=np.uint64))
        arithmetic.require_equal(arithmetic.sum(proof.bus_sums, 0), zero, BusUnbalanced)
    alpha = transcript.challenge()  # costs: constraints
    transcript.absorb_digests(proof.caps[Phase.QUOTIENT])
    point = transcript.challenge()  # costs: deep and lifting
    transcript.absorb(proof.openings)

    powers = point_powers(arithmetic, shape, point)
    openings = _Openings(arithmetic, shape, proof.openings)
    _check_constraints(arithmetic, key, shape, claim, proof, openings, bus_challenges, alpha, powers)

    if parameters.batching_grinding:
        transcript.work(proof.batching_nonce, parameters.batching_grinding)
    batching = transcript.challenge()  # costs: batching
    betas = []
    for cap in proof.layer_caps:
        transcript.absorb_digests(cap)
        betas.append(transcript.challenge())  # costs: fold
    transcript.absorb(proof.final)
    if parameters.query_grinding:
        transcript.work(proof.query_nonce, parameters.query_grinding)
    bits = transcript.indices(parameters.queries, shape.log_domain)  # costs: queries

    places = domain_points(arithmetic, bits, coset_shift(shape.log_height))
    combined = _check_trees(arithmetic, shape, claim, proof, batching, bits)
    value = _deep_values(arithmetic, shape, proof, batching, powers, places, combined)
    _check_layers(arithmetic, shape, proof, betas, bits, places, value)


@dataclass(frozen=True)
class Powers(Generic[V]):
    """Powers of the out-of-domain point: ``by_log[k] = z^(2^k)`` for k up to the log domain size."""

    by_log: list[V]

    def on(self, shape: Shape, log_height: int) -> V:
        """Return the point on the domain of tables of this height: z^(2^(H - h))."""
        return self.by_log[shape.log_height - log_height]


class _Openings(Generic[V]):
    """The openings by phase, table and point."""

    def __init__(self, arithmetic: Arithmetic[V], shape: Shape, values: V) -> None:
        self._arithmetic = arithmetic
        self._found: dict[tuple[Phase, int | None, bool], V] = {}
        position = 0
        for group in shape.openings:
            end = position + group.columns
            self._found[group.phase, group.table, group.next] = arithmetic.take(values, slice(position, end))
            position = end

    def base(self, phase: Phase, table: int | None, following: bool = False) -> V | None:
        """Return the openings of base columns, ``(columns, 3)``, or None where there are none."""
        return self._found.get((phase, table, following))

    def joined(self, phase: Phase, table: int | None) -> V:
        """Return the openings of extension columns: three base columns each become ``v0 + x v1 + x^2 v2``."""
        arithmetic, values = self._arithmetic, self._found[phase, table, False]
        count = arithmetic.shape(values)[0] // EXTENSION_DEGREE
        parts = arithmetic.reshape(values, (count, EXTENSION_DEGREE, EXTENSION_DEGREE))
        total = arithmetic.take(parts, (slice(None), 0))
        for part in (1, 2):
            basis = np.zeros(EXTENSION_DEGREE, dtype=np.uint64)
            basis[part] = 1
            column = arithmetic.take(parts, (slice(None), part))
            total = arithmetic.add(total, arithmetic.ext_multiply(column, arithmetic.constant(basis)))
        return total


def point_powers(arithmetic: Arithmetic[V], shape: Shape, point: V) -> Powers[V]:
    """Square the point up to the domain's order and refuse it inside the trace domain or the evaluation coset.

    z^(2^H) is the same for a table's point on its own domain, so one check serves every height; likewise the coset,
    because a shift is the square of the next height's shift.
    """
    powers = [point]
    for _ in range(shape.log_domain):
        powers.append(arithmetic.ext_multiply(powers[-1], powers[-1]))
    coset = pow(coset_shift(shape.log_height), 1 << shape.log_domain, PRIME)
    for log_order, value in ((shape.log_height, 1), (shape.log_domain, coset)):
        inside = arithmetic.extend(arithmetic.constant(np.array(value, dtype=np.uint64)))
        arithmetic.ext_inverse(arithmetic.subtract(powers[log_order], inside), ChallengeRefused)
    return Powers(powers)


def _check_constraints(
    arithmetic: Arithmetic[V],
    key: Key,
    shape: Shape,
    claim: Claim[V],
    proof: Proof[V],
    openings: _Openings[V],
    bus_challenges: V | None,
    alpha: V,
    powers: Powers[V],
) -> None:
    """Refuse unless sum_k alpha^k constraint_k(z) = (z^(2^H) - 1) quotient(z), over the constraints of all tables.

    The vanishing polynomial of every table at its own point is z^(2^H) - 1, so nothing is divided.
    """
    tables = [
        TableOpenings(
            main=openings.base(Phase.MAIN, index),
            main_next=openings.base(Phase.MAIN, index, True),
            preprocessed=openings.base(Phase.PREPROCESSED, index),
            bus=openings.base(Phase.BUS, index),
            bus_next=openings.base(Phase.BUS, index, True),
        )
        for index in range(len(shape.log_heights))
    ]
    if bus_challenges is None:
        bus_challenges = arithmetic.constant(np.zeros((2, EXTENSION_DEGREE), dtype=np.uint64))
    combined = key.program.evaluate(
        arithmetic,
        tables,
        log_heights=shape.log_heights,
        squares=arithmetic.stack(powers.by_log[: shape.log_height + 1], 0),
        publics=arithmetic.extend(claim.publics) if key.publics else None,
        challenges=bus_challenges,
        bus_sums=proof.bus_sums if shape.bus_tables else None,
        alpha=alpha,
    )
    vanished = powers.by_log[shape.log_height]
    chunks = openings.joined(Phase.QUOTIENT, None)
    blocks = arithmetic.ext_powers(vanished, shape.quotient_chunks)
    quotient = arithmetic.sum(arithmetic.ext_multiply(chunks, blocks), 0)
    one = arithmetic.extend(arithmetic.constant(np.array(1, dtype=np.uint64)))
    expected = arithmetic.ext_multiply(quotient, arithmetic.subtract(vanished, one))
    combined = arithmetic.reshape(combined, (EXTENSION_DEGREE,))
    arithmetic.require_equal(combined, expected, ConstraintsViolated)


def _check_trees(
    arithmetic: Arithmetic[V], shape: Shape, claim: Claim[V], proof: Proof[V], batching: V, bits: V
) -> list[V]:
    """Refuse rows that the caps do not commit to; return every leaf's combination ``(queries, 3)``."""
    caps = dict(proof.caps)
    if claim.preprocessed_cap is not None:
        caps[Phase.PREPROCESSED] = claim.preprocessed_cap
    combined = []
    for phase, tree in shape.trees.items():
        opening, digests = proof.trees[phase], {}
        for leaf in shape.leaves:
            if leaf.phase is phase:
                rows = leaf_rows(arithmetic, tree, opening, leaf.log_rows)
                digests[leaf.log_rows], combination = arithmetic.hash_and_combine(rows, batching)
                combined.append(combination)
        skipped = shape.log_domain - tree.log_rows
        check_opening(arithmetic, tree, caps[phase], digests, opening.path, _slice(arithmetic, bits, skipped))
    return combined


def _deep_values(
    arithmetic: Arithmetic[V],
    shape: Shape,
    proof: Proof[V],
    batching: V,
    powers: Powers[V],
    places: V,
    combined: Sequence[V],
) -> V:
    """Return the DEEP quotient at every query, ``(queries, 3)``.

    Every opening (f, y, v) contributes batching^k (f(x) - v) / (x - y), where x and y lie on the domain of f's own
    table: x = X^(2^(H - h)), y = z^(2^(H - h)); ``places`` are the X. The columns of a leaf come combined, with
    descending powers from the leaf's last one (:attr:`Shape.exponents`); leaves of one height and point share a
    division.
    """
    opened = _Combined(arithmetic, shape, proof.openings, batching)
    sets: dict[tuple[int, bool], list[tuple[V, V, V]]] = {}
    for following in (False, True):
        for leaf, rows in zip(shape.leaves, combined, strict=True):
            if not following or leaf.next:
                sets.setdefault((leaf.log_rows, following), []).append((rows, *opened.next_leaf()))
    lifted = [places]
    for _ in range(shape.log_height - min(shape.log_heights)):
        lifted.append(square(arithmetic, lifted[-1], 1))
    numerators, denominators = [], []
    for (log_rows, following), leaves in sets.items():
        log_height = log_rows - shape.log_blowup
        parts = []
        for rows, claimed, weight in leaves:
            parts.append(arithmetic.ext_multiply(arithmetic.subtract(rows, claimed), weight))
        numerators.append(parts[0] if len(parts) == 1 else arithmetic.sum(arithmetic.stack(parts, 0), 0))
        point = powers.on(shape, log_height)
        if following:
            root = arithmetic.constant(np.array(root_of_unity(log_height), dtype=np.uint64))
            point = arithmetic.ext_scale(point, root)
        own_places = lifted[shape.log_height - log_height]
        denominators.append(arithmetic.subtract(arithmetic.extend(own_places), point))
    inverses = arithmetic.ext_inverse(arithmetic.stack(denominators, 0))
    return arithmetic.sum(arithmetic.ext_multiply(arithmetic.stack(numerators, 0), inverses), 0)


class _Combined(Generic[V]):
    """The openings combined leaf by leaf as a query's rows are, with the power at which each leaf starts."""

    def __init__(self, arithmetic: Arithmetic[V], shape: Shape, openings: V, batching: V) -> None:
        powers = arithmetic.ext_powers(batching, shape.batched)
        self._leaves: list[tuple[V, V]] = []
        position = offset = 0
        for following in (False, True):
            for leaf in shape.leaves:
                if following and not leaf.next:
                    continue
                values = arithmetic.take(openings, slice(position, position + leaf.columns))
                weights = arithmetic.take(powers, list(range(leaf.padded - 1, leaf.padded - 1 - leaf.columns, -1)))
                claimed = arithmetic.sum(arithmetic.ext_multiply(values, weights), 0)
                self._leaves.append((claimed, arithmetic.take(powers, offset)))
                position, offset = position + leaf.columns, offset + leaf.padded
        self._next = iter(self._leaves)

    def next_leaf(self) -> tuple[V, V]:
        """Return the following leaf's combined openings ``(3,)`` and first power ``(3,)``."""
        return next(self._next)


def _check_layers(
    arithmetic: Arithmetic[V], shape: Shape, proof: Proof[V], betas: Sequence[V], bits: V, places: V, value: V
) -> None:
    """Follow every query down the FRI layers to the final polynomial.

    The first layer must hold the DEEP quotient, every later one the fold of the layer before.
    """
    inverse = arithmetic.inverse(places)
    error: type[DeepRefused] | type[FoldRefused] = DeepRefused
    for layer, opening, cap, beta, fold in zip(
        shape.layers, proof.layers, proof.layer_caps, betas, shape.folds, strict=True
    ):
        within = arithmetic.take(bits, (slice(None), slice(0, fold)))
        bits = _slice(arithmetic, bits, fold)
        row = opening.rows[0]
        leaves = {layer.log_rows: arithmetic.hash_rows(row)}
        check_opening(arithmetic, layer, cap, leaves, opening.path, bits)
        picked, folded = arithmetic.fold(row, inverse, within, beta)
        arithmetic.require_equal(picked, value, error)
        value = folded
        inverse, places = square(arithmetic, inverse, fold), square(arithmetic, places, fold)
        error = FoldRefused
    arithmetic.require_equal(evaluate_final(arithmetic, proof.final, places), value, FinalPolynomialRefused)


def _slice(arithmetic: Arithmetic[V], bits: V, skipped: int) -> V:
    """Drop the lowest bits: the index of a lifted matrix."""
    return arithmetic.take(bits, (slice(None), slice(skipped, None)))
