"""Where batches stand on L1, as core last saw it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

import msgspec

from core.store import L1Transaction, Store

_FACT = "l1_state"


@dataclass(frozen=True)
class L1State:
    """Numbers of the newest committed, proven and executed batch at a block of L1."""

    block: int
    committed: int
    proven: int
    executed: int


class L1Status(StrEnum):
    """Where a batch stands on L1; before the first, it is known to core alone."""

    COMMITTED = "committed"
    """The contract holds its output."""
    VERIFIED = "verified"
    """The contract has accepted its proof."""
    EXECUTED = "executed"
    """L1 acts on its root."""


def note_state(store: Store, state: L1State) -> None:
    """Keep what was seen; a reorganisation of L1 can take it back."""
    store.record_fact(_FACT, msgspec.json.encode(asdict(state)).decode())


def noted_state(store: Store) -> L1State | None:
    """Return what was seen last, None before the first look."""
    text = store.fact(_FACT)
    return None if text is None else msgspec.json.decode(text, type=L1State)


def l1_status(store: Store, number: int) -> L1Status | None:
    """Return where a batch stands on L1, None when L1 does not know it."""
    state = noted_state(store)
    if state is None or number > state.committed:
        return None
    if number > state.proven:
        return L1Status.COMMITTED
    return L1Status.VERIFIED if number > state.executed else L1Status.EXECUTED


def mined_transactions(number: int) -> list[L1Transaction]:
    """Return the transactions about a batch that are in a block of L1, the first one first."""
    about = (L1Transaction.first_batch <= number) & (L1Transaction.last_batch >= number)
    rows = L1Transaction.select().where(about, L1Transaction.hash.is_null(False))
    return list(rows.order_by(L1Transaction.nonce))
