"""A run cut into segments whose checkpoints are kept beside its proof, for whatever command proves it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cli.proofs import checkpoint_name
from cli.unfinished import Unfinished
from runtime.errors import OutOfMemory
from runtime.protocol import PROTOCOL_VERSION
from runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from rich.progress import Progress

    from proving.machine.program import Program
    from runtime.settings import Settings

_CUT = "segments.json"


@dataclass(frozen=True)
class Wanted:
    """How a run is to be proven.

    Attributes
    ----------
    size_class
        log2 of the largest table that is asked for; 0 leaves it to the memory.
    largest
        log2 of the largest table that is used at all.
    memory
        Most bytes that proving a segment may take; 0 for as many as that is.
    bounded
        Whether somebody said so.
    """

    profile: str
    size_class: int
    largest: int
    memory: int
    bounded: bool
    cycle_limit: int
    memory_limit: int

    @classmethod
    def of(
        cls, settings: Settings, *, memory_limit: int, profile: str = "", size_class: int = 0, cycle_limit: int = 0
    ) -> Wanted:
        """Fill in from the settings what is not given.

        Raises
        ------
        OutOfMemory, ConfigurationError
            The memory is not enough for any segment, or for the rounds after them.
        """
        from proving.stages import budget

        size_class = size_class or settings.size_class
        # What was asked for without a budget is tried, whatever is free.
        memory = 0 if size_class and not settings.memory else budget.memory_budget(settings.memory)
        largest = size_class or budget.LARGEST
        budget.check_rounds(settings.memory)
        budget.fitting(largest, memory)
        return cls(
            profile or settings.profile,
            size_class,
            largest,
            memory,
            bool(settings.memory),
            cycle_limit or settings.cycle_limit,
            memory_limit,
        )

    def on(self, device: int) -> Wanted:
        """Return it for a device on which a proof may take so many bytes, 0 for a CPU.

        Where nobody asked for a class or a budget and the device holds larger segments than are chosen for a CPU, its
        memory decides in place of the host's.
        """
        from proving.stages import budget

        if self.size_class or self.bounded or (largest := budget.largest(device)) <= self.largest:
            return self
        return replace(self, largest=largest, memory=device)

    def identity(self, elf: bytes, advice: memoryview | bytes) -> dict[str, str]:
        """Return what proofs that are kept must agree in to be parts of one proof."""
        from proving import keys
        from proving.machine.main_vm.shapes import SHAPES

        return {
            "program": hashlib.sha256(elf).hexdigest(),
            "input": hashlib.sha256(advice).hexdigest(),
            "profile": self.profile,
            "key set": keys.key_set_digest(self.profile),
            "protocol version": PROTOCOL_VERSION,
            "size class": str(self.size_class or "by memory"),
            "shapes": hashlib.sha256(repr(SHAPES).encode()).hexdigest(),
        }


@dataclass(frozen=True)
class Run:
    """A run cut into segments whose checkpoints are kept.

    Attributes
    ----------
    statement
        Bytes of the `Statement` that the proofs of all segments show together.
    peak
        Most bytes of memory that proving one of the segments takes.
    requests
        By circuit, the number of parts of the run's requests; a checkpoint of theirs is kept for each.
    """

    statement: bytes
    segments: int
    cycles: int
    peak: int
    requests: dict[str, int]

    def to_bytes(self) -> bytes:
        """Return it as it is kept."""
        return json.dumps({**self.__dict__, "statement": self.statement.hex()}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Run:
        """Read what was kept."""
        found = json.loads(data)
        return cls(**{**found, "statement": bytes.fromhex(found["statement"])})


def cut_run(
    kept: Unfinished, bars: Progress, program: Program, advice: NDArray[np.uint32] | bytes, wanted: Wanted
) -> Run:
    """Cut the run into segments and keep their checkpoints, unless that was done before.

    Raises
    ------
    OutOfMemory
        The kept segments take more than the budget.
    ElfError, Trap
        The run ends without a result.
    """
    from proving.stages import budget
    from proving.stages.rounds import MAIN_VM
    from proving.stages.witness import cut, request_parts, statement_of

    task = bars.add_task("witness", total=None, note="")
    before = kept.find(_CUT)
    if before is not None:
        found = Run.from_bytes(before)
        if 0 < wanted.memory < found.peak:
            raise OutOfMemory(
                f"The segments of {kept.folder} take {found.peak / 2**30:.2f} GiB; the budget is "
                f"{wanted.memory / 2**30:.2f} GiB.",
                remedy="Give more with --memory, or remove the folder to cut smaller segments.",
            )
        bars.update(task, total=1, completed=1, note=f"{count(found.segments, 'segment')}, kept from before")
        return found
    ends: list[NDArray[np.uint64]] = []
    asked: list[Mapping[str, NDArray[np.uint32]]] = []
    cycles, peak, final = 0, 0, program.initial_state
    for segment in cut(
        program,
        advice,
        size_class=wanted.largest,
        memory=wanted.memory,
        cycle_limit=wanted.cycle_limit,
        memory_limit=wanted.memory_limit,
    ):
        kept.keep(checkpoint_name(MAIN_VM, len(ends)), segment.checkpoint)
        ends.append(segment.end)
        asked.append(segment.requests)
        cycles, peak, final = cycles + segment.cycles, max(peak, segment.peak), segment.state
        bars.update(task, note=f"{count(len(ends), 'segment')}, {cycles / 1e6:.1f} million cycles")
    requests = request_parts(asked, wanted.memory or budget.kept_peak_bytes(wanted.largest))
    for circuit_type, parts in requests.items():
        for index, part in enumerate(parts):
            kept.keep(checkpoint_name(circuit_type, index), part)
    counts = {circuit_type: len(parts) for circuit_type, parts in requests.items()}
    made = Run(statement_of(program, ends, final), len(ends), cycles, peak, counts)
    kept.keep(_CUT, made.to_bytes())
    bars.update(task, total=1, completed=1)
    return made
