"""Which functions the stages call: a module named by ``HALLMARK_STAGES``, ``proving.stages`` by default.

A stage is data in, data out; the platform knows only these signatures. Tests name a module of small functions.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from proving.stages.rounds import Round
from runtime.configuration import PREFIX
from runtime.errors import ConfigurationError, HallmarkError, StageUnavailable
from runtime.progress import Progress
from runtime.settings import Settings

#: What a stage module must have.
FUNCTIONS = (
    "basic_witness",
    "execution_records",
    "prove_segment",
    "prove_requests",
    "recursive_witness",
    "recursive_vectors",
    "prove_recursive",
    "compress",
    "snark_key_digest",
)


class BasicWitness(Protocol):
    """What running a program gives: a checkpoint for each segment, and what the whole run states."""

    checkpoints: Sequence[bytes]
    statement: Any
    #: By circuit, the parts of the run's requests.
    requests: Mapping[str, Sequence[bytes]]


class Prove(Protocol):
    """How a proof of any round is made."""

    def __call__(
        self, witness: bytes, vectors: bytes | None, /, *, backend: Any, profile: str, progress: Progress
    ) -> bytes:
        """Prove a checkpoint or a witness, with what was made of it for the prover or without."""


class Stages(Protocol):
    """The functions of the stage module."""

    def basic_witness(
        self, program: bytes, advice: bytes, *, size_class: int, cycle_limit: int, progress: Progress
    ) -> BasicWitness:
        """Run the program and cut the run into segments."""

    def execution_records(self, checkpoint: bytes) -> bytes:
        """Replay one checkpoint into execution records."""

    def prove_segment(
        self, checkpoint: bytes, records: bytes | None, *, backend: Any, profile: str, progress: Progress
    ) -> bytes:
        """Prove one segment, from its records or, without them, from its checkpoint."""

    def prove_requests(
        self, part: bytes, vectors: bytes | None, *, backend: Any, profile: str, progress: Progress
    ) -> bytes:
        """Prove a part of the requests of a type, from itself."""

    def recursive_witness(self, made: Round, proofs: Sequence[bytes], *, statement: bytes, profile: str) -> bytes:
        """Check the proofs that a proof of a later round verifies, and say what it is to prove about them."""

    def recursive_vectors(self, witness: bytes) -> bytes:
        """Fill the trace of a later round's circuit."""

    def prove_recursive(
        self, witness: bytes, vectors: bytes | None, *, backend: Any, profile: str, progress: Progress
    ) -> bytes:
        """Prove a witness, from its filled trace or without it; the scheduler's proof is the batch's."""

    def compress(self, proof: bytes, *, backend: Any, profile: str, setup: Path | None, progress: Progress) -> bytes:
        """Make the SNARK of a batch's proof."""

    def snark_key_digest(self, profile: str, setup: Path | None) -> str:
        """Return the digest of the key that SNARKs are made under here, 64 hexadecimal digits."""


def load_stages(module: str) -> Stages:
    """Import the stage module.

    Raises
    ------
    StageUnavailable
        The module is missing or lacks a function.
    """
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise StageUnavailable(f"The stage module {module} cannot be imported: {error}") from error
    missing = [name for name in FUNCTIONS if not callable(getattr(found, name, None))]
    if missing:
        raise StageUnavailable(f"The stage module {module} lacks {', '.join(missing)}.")
    return cast(Stages, found)


def choose_size_class(module: str, *, memory: int, asked: int) -> int:
    """Return log2 of the rows that a segment's largest table may have.

    The stage package's ``budget`` module decides from the memory budget (bytes, 0 for what is free); a stage module
    without one gets what was asked for.

    Raises
    ------
    OutOfMemory, InvalidInput
        The budget does not hold the class, or there is no such class.
    """
    try:
        budget = importlib.import_module(f"{module}.budget")
    except ModuleNotFoundError:
        return asked
    return int(budget.size_class(memory, asked=asked))


def check_compression(settings: Settings) -> None:
    """Refuse to make a SNARK with a budget that does not hold it.

    Raises
    ------
    OutOfMemory
    """
    try:
        budget = importlib.import_module(f"{settings.stages}.budget")
    except ModuleNotFoundError:
        return
    budget.check_compression(settings.memory)


def check_size_class(settings: Settings) -> None:
    """Refuse settings that every job would refuse: a budget that was set and holds no segment.

    Raises
    ------
    ConfigurationError
    """
    try:
        budget = importlib.import_module(f"{settings.stages}.budget")
    except ModuleNotFoundError:
        return
    try:
        budget.check(settings.memory, settings.size_class)
    except HallmarkError as error:
        raise ConfigurationError(f"{PREFIX}MEMORY, {PREFIX}SIZE_CLASS: {error.message}", remedy=error.remedy) from None
