"""Each stage of the pipeline as a pure function: bytes in, bytes out, no database, broker or network.

| stage | from | to |
| --- | --- | --- |
| `basic_witness` | program, advice | checkpoints, statement |
| `witness_vector` | checkpoint | execution records |
| `prove_segment` | checkpoint, execution records | segment proof |
| `join` | segment proofs, statement | bundle |
| `verify_bundle` | bundle | what it proves |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.backend.interface import Backend
from proving.backend.native import NativeBackend
from proving.machine.checkpoint import Checkpoint
from proving.machine.executor import DEFAULT_CYCLE_LIMIT
from proving.machine.main_vm.expand import expand
from proving.machine.main_vm.shape import capacities
from proving.machine.program import Program
from proving.machine.records import Records
from proving.machine.replay import replay
from proving.machine.witness import witness
from proving.stages import bundle, proof
from proving.stages.bundle import Verified
from proving.stages.statement import Statement
from proving.stark.prover import prove
from proving.stark.verifier import verify

#: Version of keys and formats together; part of every job, artifact and offer.
PROTOCOL_VERSION = "1"

#: Called with (fraction done, phase).
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class BasicWitness:
    """A run cut into segments.

    Attributes
    ----------
    checkpoints
        One artifact per segment, in order.
    statement
        Bytes of the `Statement` that the proofs of all segments show together.
    cycles
        Executed instructions.
    """

    checkpoints: list[bytes]
    statement: bytes
    cycles: int


def basic_witness(
    program: bytes,
    advice: bytes,
    *,
    size_class: int,
    cycle_limit: int = DEFAULT_CYCLE_LIMIT,
    progress: Progress | None = None,
) -> BasicWitness:
    """Run a program on its input, cut the run into segments, and write a checkpoint for each.

    Parameters
    ----------
    program
        An ELF file.
    advice
        The input file.
    size_class
        log2 of the rows that the largest table of a segment may have, see `proving.stages.budget`.

    Raises
    ------
    ElfError, Trap
        The program cannot be loaded, or its run ends without a result.
    """
    loaded = Program.from_elf(program)
    checkpoints: list[bytes] = []
    ends: list[NDArray[np.uint64]] = []
    cycles = 0
    final = loaded.initial_state
    for segment in witness(loaded, advice, capacities(size_class), cycle_limit=cycle_limit):
        checkpoints.append(segment.checkpoint.to_bytes())
        ends.append(segment.checkpoint.end)
        cycles += segment.checkpoint.cycles
        final = segment.end
        if progress is not None:
            progress(0.0, f"{len(checkpoints)} segments, {cycles / 1e6:.1f} million cycles")
    statement = Statement(loaded.commitment, np.stack(ends), final)
    return BasicWitness(checkpoints, statement.encode(), cycles)


def witness_vector(checkpoint: bytes) -> bytes:
    """Replay one checkpoint into execution records."""
    return replay(Checkpoint.from_bytes(checkpoint)).to_bytes()


def prove_segment(
    checkpoint: bytes,
    vectors: bytes | None = None,
    *,
    backend: Backend | None = None,
    profile: str = "proven100",
    progress: Progress | None = None,
) -> bytes:
    """Prove one segment and verify the proof.

    Parameters
    ----------
    vectors
        The segment's execution records; replayed from the checkpoint when they are not at hand.
    """
    key = keys.main_vm_key()
    records = replay(Checkpoint.from_bytes(checkpoint)) if vectors is None else Records.from_bytes(vectors)
    traces, publics = expand(records)
    del records

    def report(phase: str, share: float) -> None:
        if progress is not None:
            progress(share, phase)

    made = prove(key, profile, publics, traces, backend or NativeBackend(), progress=report, consume=True)
    verify(key, profile, publics, made)
    return proof.pack(publics, made, protocol=PROTOCOL_VERSION)


def join(proofs: Sequence[bytes], statement: bytes, *, profile: str = "proven100") -> bytes:
    """Check the chain of segment proofs and join it into a bundle.

    Parameters
    ----------
    proofs
        Segment proof artifacts, in order.
    """
    claim = Statement.decode(statement)
    bare = [proof.unpack(made).proof for made in proofs]
    bundle.check(claim, bare, profile=profile)
    return bundle.pack(claim, bare, protocol=PROTOCOL_VERSION)


def verify_bundle(
    data: bytes, *, program_commitment: NDArray[np.uint64] | None, profile: str, output: bytes | None = None
) -> Verified:
    """Verify a bundle; see `proving.stages.bundle.check`."""
    claim, proofs = bundle.unpack(data, protocol=PROTOCOL_VERSION)
    return bundle.check(claim, proofs, profile=profile, program_commitment=program_commitment, output=output)


def key_digest() -> str:
    """Return the digest of the key of `main_vm`, 64 hexadecimal digits."""
    return keys.main_vm_key().hex
