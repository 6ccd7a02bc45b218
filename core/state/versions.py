"""Which protocol version a batch has: what core has sealed, and what L1 has announced.

A release of Hallmark proves one protocol version. A batch keeps the version that it was sealed under; from the batch
that L1's contract names for a later one, only a core of that version seals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from core.errors import ProgramNotAnnounced, ProgramUnknown, UpgradeDue, VersionUnsettled
from core.formats.identity import Identity
from core.program.kept import KeptPrograms
from core.program.state_transition import Program
from core.state.chain import PASSED, SETTLED
from core.store import Batch, Store
from runtime.logging import get_logger

log = get_logger(__name__)

_SCHEDULE, _IDENTITY, _SHA256 = "l1_schedule", "identity_of_version_", "sha256_of_program_"


class Announced(msgspec.Struct, frozen=True, array_like=True):
    """Rules on L1 and the batch that they begin at.

    Attributes
    ----------
    first_batch, version : int
    program : str
        Hex digest of the program's initial state; empty in what a release before this one has noted.
    not_before : int
        Seconds since the epoch: L1 holds what is committed to earlier against the rules before.
    """

    first_batch: int
    version: int
    program: str = ""
    not_before: int = 0


def note_schedule(store: Store, schedule: Sequence[Announced]) -> None:
    """Keep what L1 says, in the order of the batches."""
    text = msgspec.json.encode(schedule).decode()
    if store.fact(_SCHEDULE) != text:
        store.record_fact(_SCHEDULE, text)


def noted_schedule(store: Store) -> list[Announced]:
    """Return what L1 said last; nothing before the first look."""
    return msgspec.json.decode(store.fact(_SCHEDULE) or "[]", type=list[Announced])


def require_ours(store: Store, number: int, ours: int, program: str) -> None:
    """Refuse to seal a batch that L1 has another protocol version or another program for; before the first look, none.

    Raises
    ------
    UpgradeDue
        L1 has another version.
    ProgramNotAnnounced
        L1 has this version, with another program.
    """
    begun = [each for each in noted_schedule(store) if each.first_batch <= number]
    if not begun:
        return
    theirs = begun[-1]
    if theirs.version != ours:
        raise UpgradeDue(
            f"L1 holds batch {number} against protocol version {theirs.version}; this core seals version {ours}."
        )
    if theirs.program not in ("", program):
        raise ProgramNotAnnounced(
            f"L1 holds batch {number} against the program {theirs.program}; this core would make it with {program}."
        )


def require_settled(store: Store, ours: int) -> None:
    """Refuse batches of another protocol version that are not ready for provers: only its own program can finish them.

    Raises
    ------
    VersionUnsettled
    """
    others = Batch.select().where(Batch.number > 0, Batch.protocol_version != ours)
    with store.session():
        unsettled = others.where(Batch.status.not_in(SETTLED)).order_by(Batch.number).first()
        newer = others.where(Batch.protocol_version > ours).order_by(Batch.number).first()
    if (found := unsettled or newer) is not None:
        raise VersionUnsettled(
            f"Batch {found.number} is of protocol version {found.protocol_version} and "
            f"{found.status}; this release is of version {ours}."
        )


def open_programs(store: Store, folder: Path, program: Program, cycle_limit: int, ours: int) -> KeptPrograms:
    """Return the programs of batches: `program` for new ones, and each that has open ones of our version.

    Raises
    ------
    ProgramMissing
        A batch of our version waits for a proof and was made with a program that is not kept.
    """
    programs = KeptPrograms(folder, program, cycle_limit)
    waiting = Batch.number > 0, Batch.protocol_version == ours, Batch.status.not_in(PASSED)
    with store.session():
        found = [row.program_commitment for row in Batch.select(Batch.program_commitment).where(*waiting).distinct()]
    for commitment in found:
        if programs.of(commitment) is not program:
            log.info("program.changed", waiting=commitment.hex(), now=program.commitment)
    return programs


def note_identity(store: Store, identity: Identity) -> None:
    """Keep what batches of this protocol version are proven with."""
    key = _IDENTITY + identity.protocol_version
    before = store.fact(key)
    for each in (identity, *([] if before is None else [msgspec.json.decode(before, type=Identity)])):
        store.record_fact(_SHA256 + each.program_commitment, each.program_sha256)
    store.record_fact(key, msgspec.json.encode(identity).decode())


def identity_of(store: Store, batch: Batch, ours: Identity) -> Identity:
    """Return what a batch is proven with; where the keys were never noted, they are this core's.

    Raises
    ------
    ProgramUnknown
        The batch was made with a program of which core knows the commitment alone.
    """
    version = str(batch.protocol_version)
    text = None if version == ours.protocol_version else store.fact(_IDENTITY + version)
    known = replace(ours, protocol_version=version) if text is None else msgspec.json.decode(text, type=Identity)
    program = known.program_commitment if batch.program_commitment is None else batch.program_commitment.hex()
    if program == known.program_commitment:
        return known
    sha256 = store.fact(_SHA256 + program)
    if sha256 is None:
        raise ProgramUnknown(f"Batch {batch.number} was made with the program {program}; its SHA-256 was never noted.")
    return replace(known, program_commitment=program, program_sha256=sha256)
