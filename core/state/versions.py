"""Which protocol version a batch has: what core has sealed, and what L1 has announced.

A release of Hallmark proves one protocol version. A batch keeps the version that it was sealed under; from the batch
that L1's contract names for a later one, only a core of that version seals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from core.errors import UpgradeDue, VersionUnsettled
from core.formats.identity import Identity
from core.state.chain import SETTLED
from core.store import Batch, Store

_SCHEDULE, _IDENTITY = "l1_schedule", "identity_of_version_"


def note_schedule(store: Store, schedule: Sequence[tuple[int, int]]) -> None:
    """Keep what L1 says: each (first batch, protocol version), in the order of the batches."""
    text = msgspec.json.encode(list(schedule)).decode()
    if store.fact(_SCHEDULE) != text:
        store.record_fact(_SCHEDULE, text)


def noted_schedule(store: Store) -> list[tuple[int, int]]:
    """Return what L1 said last; nothing before the first look."""
    return msgspec.json.decode(store.fact(_SCHEDULE) or "[]", type=list[tuple[int, int]])


def version_on_l1(store: Store, number: int) -> int | None:
    """Return the protocol version that L1 has for a batch, None where L1 was not asked yet."""
    begun = [version for first, version in noted_schedule(store) if first <= number]
    return begun[-1] if begun else None


def require_ours(store: Store, number: int, ours: int) -> None:
    """Refuse to seal a batch that L1 has another protocol version for.

    Raises
    ------
    UpgradeDue
    """
    theirs = version_on_l1(store, number)
    if theirs not in (None, ours):
        raise UpgradeDue(f"L1 holds batch {number} against protocol version {theirs}; this core seals version {ours}.")


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


def note_identity(store: Store, identity: Identity) -> None:
    """Keep what batches of this protocol version are proven with."""
    store.record_fact(_IDENTITY + identity.protocol_version, msgspec.json.encode(identity).decode())


def identity_of(store: Store, batch: Batch, ours: Identity) -> Identity:
    """Return what a batch is proven with; where that was never noted, only the version differs from this core's."""
    version = str(batch.protocol_version)
    if version == ours.protocol_version:
        return ours
    text = store.fact(_IDENTITY + version)
    return replace(ours, protocol_version=version) if text is None else msgspec.json.decode(text, type=Identity)
