"""Security is computed, never typed: a profile names a target, the solver finds the parameters that reach it.

Every term below is an upper bound on the error of one round of the protocol (round-by-round soundness after
Fiat-Shamir), in bits; the layer's security is their minimum, and the sum of all rounds is reported beside it.
``docs/security.md`` derives each of them for lifted tables. Sources:

- proximity gaps up to the Johnson radius: Ben-Sasson, Carmon, Haboeck, Kopparty, Saraf, "On Proximity Gaps for
  Reed-Solomon Codes", eprint 2025/2055, Theorem 4.2, with the gap and the powers batching as the Ethereum Foundation's
  ``soundcalc`` uses them (gap = sqrt(rate)/100 for fields above 2^150). Of the theorem's multiplicity there are two
  readings (:class:`Reading`); every term holds under both;
- DEEP-ALI and batched FRI: Haboeck, "A summary on the FRI low degree test", eprint 2022/1216, Theorem 8;
- LogUp: Haboeck, "Multivariate lookups based on logarithmic derivatives", eprint 2022/1530, Lemma 5.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from proving.backend.interface import PRIME
from proving.hash import DIGEST, HashFamily, bn254
from proving.stark.errors import SecurityBelowProfile, UnknownProfile

#: log2 of the modulus of the base field, p = 2^64 - 2^32 + 1.
LOG_FIELD = math.log2(PRIME)
#: log2 of the size of the cubic extension, from which every challenge is drawn.
LOG_EXTENSION = 3 * LOG_FIELD
#: Johnson's radius is kept by this fraction of sqrt(rate).
GAP_FRACTION = 1 / 100
#: Smallest log height of a table. Lifting loosens degrees by the factor 1 + 2^-MIN_LOG_HEIGHT, which must stay
#: inside the gap: sqrt(1 + 2^-6) < 1 + GAP_FRACTION.
MIN_LOG_HEIGHT = 6
#: log2 of the number of digests.
DIGEST_BITS = {HashFamily.GOLDILOCKS: DIGEST * LOG_FIELD, HashFamily.BN254: math.log2(bn254.MODULUS)}
#: Name of the term that no parameter moves.
HASH = "hash"
#: Bits below which two bit counts are the same (log2 p is not exactly 64).
ROUNDING = 1e-6


class Regime(Enum):
    """What is believed about Reed-Solomon codes."""

    #: Proven bounds up to the Johnson radius.
    JOHNSON = "johnson"
    #: A query is worth log2(1/rate) bits: conjectured by older systems, disproved up to capacity; for races only.
    CONJECTURED = "conjectured"


class Reading(Enum):
    """The multiplicity M in the proximity-gap theorem: the value is d in M = ceil(sqrt(rate) / (d * gap))."""

    #: As the theorem is printed: M = 100, the larger error.
    PRINTED = 1
    #: As its authors correct it: M = 50.
    ERRATUM = 2


@dataclass(frozen=True)
class Profile:
    """A security target that the verifier's caller chooses.

    Attributes
    ----------
    target
        Bits that every term must reach.
    margin
        Bits above the target that every term but the digest's must have; with a margin, the sum of all rounds must
        reach the target too.
    query_grinding
        Bits of work before the query indices.
    most_batching_grinding
        Most bits of work before the batching challenge that the solver may ask for.
    """

    name: str
    target: int
    regime: Regime
    query_grinding: int
    most_batching_grinding: int
    margin: int = 0


#: The shipped profiles. ``proven100`` is the default.
PROFILES: dict[str, Profile] = {
    item.name: item
    for item in (
        Profile("proven100", 100, Regime.JOHNSON, query_grinding=17, most_batching_grinding=16),
        Profile("proven128", 128, Regime.JOHNSON, query_grinding=17, most_batching_grinding=16, margin=3),
        Profile("legacy-conjectured", 100, Regime.CONJECTURED, query_grinding=16, most_batching_grinding=0),
    )
}


def profile(name: str) -> Profile:
    """Return the profile of this name.

    Raises
    ------
    UnknownProfile
        There is none.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise UnknownProfile(f"There is no security profile {name!r}; there are {', '.join(PROFILES)}.") from None


@dataclass(frozen=True)
class Facts:
    """What the solver must know about a circuit, counted from its layout at its largest heights.

    Attributes
    ----------
    log_height
        log2 of the largest height, H.
    log_blowup
        log2 of 1/rate.
    batched
        Number of opened (column, point) pairs that one batching challenge combines.
    constraints
        Number of constraints over all tables that one constraint challenge combines.
    degree
        Largest degree of a constraint.
    interactions
        Number of bus interactions summed over all rows of all tables.
    arity
        Elements of the longest bus message: the degree of a fingerprint in its challenge.
    digest_bits
        log2 of the number of digests.
    folds
        log2 of the arity of each FRI fold.
    """

    log_height: int
    log_blowup: int
    batched: int
    constraints: int
    degree: int
    interactions: int
    arity: int
    folds: tuple[int, ...]
    digest_bits: float = DIGEST_BITS[HashFamily.GOLDILOCKS]


@dataclass(frozen=True)
class Parameters:
    """What the solver derived: the numbers that a verifier obeys."""

    profile: Profile
    queries: int
    query_grinding: int
    batching_grinding: int


@dataclass(frozen=True)
class Term:
    """One round's soundness: its name, its bits with grinding included, the formula in words, what it must reach."""

    name: str
    bits: float
    formula: str
    needed: float

    @property
    def reached(self) -> bool:
        """Whether the term has the bits that the profile asks for."""
        return self.bits >= self.needed - ROUNDING


@dataclass(frozen=True)
class Report:
    """The achieved bits of a layer, term by term."""

    parameters: Parameters
    facts: Facts
    terms: tuple[Term, ...]

    @property
    def bits(self) -> float:
        """The weakest term, in bits of the profile's kind; people are shown :attr:`summary`, which names the kind."""
        return min(term.bits for term in self.terms)

    @property
    def proven_bits(self) -> float:
        """The weakest term by what is proven, whatever the profile believes."""
        proven = dataclasses.replace(self.parameters.profile, regime=Regime.JOHNSON)
        return min(term.bits for term in _terms(dataclasses.replace(self.parameters, profile=proven), self.facts))

    @property
    def total(self) -> float:
        """Log2 of the hash evaluations T after which the errors of all rounds sum to 1.

        A round with error e is worth T e, a collision of digests T^2 / 2^(2 hash).
        """
        rounds = sum(2.0**-term.bits for term in self.terms if term.name != HASH)
        pairs = sum(2.0 ** (-2 * term.bits) for term in self.terms if term.name == HASH)
        return math.log2(2 / (rounds + math.sqrt(rounds**2 + 4 * pairs)))

    @property
    def reached(self) -> bool:
        """Whether every term reaches the profile's target with its margin, and with a margin also their sum."""
        chosen = self.parameters.profile
        return all(term.reached for term in self.terms) and (not chosen.margin or self.total >= chosen.target)

    @property
    def kind(self) -> str:
        """What the profile's bits are: proven or CONJECTURED."""
        return "proven" if self.parameters.profile.regime is Regime.JOHNSON else "CONJECTURED"

    @property
    def summary(self) -> str:
        """The bits with their kind, as every output shows them."""
        shown = f"{self.bits:.1f} bits {self.kind}"
        return shown if self.kind == "proven" else f"{self.proven_bits:.1f} bits proven ({shown})"

    def table(self) -> str:
        """Return the report as text, one line per term, weakest first."""
        chosen = self.parameters
        profile = chosen.profile
        head = (
            f"{profile.name}: {self.summary}; over all rounds {self.total:.1f} bits {self.kind} "
            f"(target {profile.target}, margin {profile.margin}); {chosen.queries} queries, "
            f"grinding {chosen.query_grinding} (queries) + {chosen.batching_grinding} (batching), "
            f"rate 1/{2**self.facts.log_blowup}, height 2^{self.facts.log_height}"
        )
        lines = [f"  {term.bits:7.1f}  {term.name:<16} {term.formula}" for term in sorted(self.terms, key=_weight)]
        return "\n".join([head, *lines])


def _weight(term: Term) -> float:
    return term.bits


def _gap(log_blowup: int) -> float:
    return GAP_FRACTION * math.exp2(-log_blowup / 2)


def _query_bits(regime: Regime, log_blowup: int) -> float:
    """Return the bits that one query is worth."""
    if regime is Regime.CONJECTURED:
        return float(log_blowup)
    return -math.log2(math.exp2(-log_blowup / 2) + _gap(log_blowup))


def _list_bits(regime: Regime, log_blowup: int) -> float:
    """Return log2 of the largest number of codewords within the radius.

    The code is the one of degree 2^H (1 + 2^-MIN_LOG_HEIGHT), to which openings on a table's own domain lead (see
    ``docs/security.md``, "Lifting").
    """
    if regime is Regime.CONJECTURED:
        return 0.0
    root = math.exp2(-log_blowup / 2)
    loose_root = root * math.sqrt(1 + 2.0**-MIN_LOG_HEIGHT)
    return -math.log2(2 * (root + _gap(log_blowup) - loose_root) * loose_root)


def _line_bits(regime: Regime, log_blowup: int, log_height: int, reading: Reading) -> float:
    """Return the bits of the proximity-gap error for a random line of words, eprint 2025/2055 Theorem 4.2."""
    if regime is Regime.CONJECTURED:
        return LOG_EXTENSION - log_height - log_blowup
    rate = math.exp2(-log_blowup)
    root, gap = math.sqrt(rate), _gap(log_blowup)
    multiplicity = max(math.ceil(root / (reading.value * gap) - 1e-9), 3) + 0.5
    radius = 1 - root - gap
    length = math.exp2(log_height + log_blowup)
    exceptional = (2 * multiplicity**5 + 3 * multiplicity * radius * rate) * length / (3 * rate * root)
    return LOG_EXTENSION - math.log2(exceptional + multiplicity / root)


def _terms(chosen: Parameters, facts: Facts, readings: Sequence[Reading] = tuple(Reading)) -> tuple[Term, ...]:
    """Return the bits of every round in the order of the transcript, the fewest under the given readings."""
    regime, blowup = chosen.profile.regime, facts.log_blowup

    def line(log_height: int) -> float:
        return min(_line_bits(regime, blowup, log_height, reading) for reading in readings)

    lists = _list_bits(regime, blowup)
    height, loose = math.exp2(facts.log_height), 1 + 2.0**-MIN_LOG_HEIGHT
    domain = math.exp2(facts.log_height + blowup)
    goal = chosen.profile.target + chosen.profile.margin
    terms: list[Term] = []

    def add(name: str, bits: float, formula: str, needed: float = goal) -> None:
        terms.append(Term(name, bits, formula, needed))

    if facts.interactions:
        error = 2.0 * facts.interactions * max(facts.arity, 1)
        add("bus", LOG_EXTENSION - lists - math.log2(error), "list * 2 * interactions * message length / |F|")
    add("constraints", LOG_EXTENSION - lists - math.log2(max(facts.constraints, 1)), "list * constraints / |F|")
    identity = (facts.degree + 1) * height * loose
    available = math.log2(math.exp2(LOG_EXTENSION) - height - domain)
    add("deep", available - lists - math.log2(identity), "list * degree of the identity / |F|")
    add("lifting", available - lists - math.log2(height * loose), "list * height / |F|")
    batching = line(facts.log_height) - math.log2(max(facts.batched - 1, 1)) + chosen.batching_grinding
    add("batching", batching, "(powers - 1) * gap(height), grinding included")
    log_height = facts.log_height
    for position, fold in enumerate(facts.folds):
        log_height -= fold
        add(f"fold {position}", line(log_height) - math.log2(2**fold - 1), "(arity - 1) * gap(folded height)")
    queries = chosen.queries * _query_bits(regime, blowup) + chosen.query_grinding
    add("queries", queries, "(1 - radius)^queries, grinding included")
    collision = facts.digest_bits / 2 + 0.5
    add(HASH, collision, "T evaluations, T^2 / (2 digests): collision of two digests", chosen.profile.target)
    return tuple(terms)


def solve(name: str, facts: Facts) -> Report:
    """Find the parameters of a profile of :data:`PROFILES`; see :func:`solve_profile`."""
    return solve_profile(profile(name), facts)


def solve_profile(chosen: Profile, facts: Facts, readings: Sequence[Reading] = tuple(Reading)) -> Report:
    """Find the fewest queries and the least grinding that reach a profile.

    Parameters
    ----------
    facts
        Counted from the circuit at its largest heights; smaller heights only make every term better.
    readings
        Under which every term must reach the target; both, except to compare with who takes one.

    Raises
    ------
    SecurityBelowProfile
        A term that no parameter can mend stays below the target, or the sum of all rounds does.
    """
    goal = chosen.target + chosen.margin
    needed = (goal - chosen.query_grinding) / _query_bits(chosen.regime, facts.log_blowup)
    queries = max(math.ceil(needed - 1e-9), 1)
    bare = Parameters(chosen, queries, chosen.query_grinding, 0)
    batching = next(term.bits for term in _terms(bare, facts, readings) if term.name == "batching")
    grinding = min(max(math.ceil(goal - batching - ROUNDING), 0), chosen.most_batching_grinding)
    parameters = Parameters(chosen, queries, chosen.query_grinding, grinding)
    report = Report(parameters, facts, _terms(parameters, facts, readings))
    if not report.reached:
        weak = ", ".join(f"{term.name} {term.bits:.1f}" for term in report.terms if not term.reached)
        raise SecurityBelowProfile(
            f"The profile {chosen.name} asks for {chosen.target} bits with a margin of {chosen.margin}; below it are: "
            f"{weak or f'all rounds together {report.total:.1f}'}."
        )
    return report
