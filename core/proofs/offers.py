"""Offers: which prover may work on which batch, and until when.

An offer expires unless its holder renews it, so a gateway that dies after its fetch loses no batch: the batch is
offered again, under a new token, and the old token is refused from then on.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from peewee import fn

from core.errors import BatchUnknown, OfferExpired, OfferMismatch, OfferUnknown, ProtocolMismatch
from core.state.chain import SETTLED
from core.store import Batch, BatchStatus, Offer, OfferState, Store

#: Characters of a token a client may send; a real one has 64.
MAX_TOKEN_CHARACTERS = 128


class Offers:
    """The offers of one store.

    Parameters
    ----------
    store
        Where offers are kept; they survive a restart.
    version
        Protocol version of the batches that are offered.
    seconds
        Life of an offer, from issue or renewal.
    clock
        Seconds since the epoch.
    """

    def __init__(self, store: Store, version: int, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self.version = version
        self._seconds = seconds
        self._clock = clock

    def issue(self, prover: str) -> tuple[Offer, Batch] | None:
        """Offer the oldest batch of the version that is ready, not proven and under no live offer, or None."""
        now = self._clock()
        with self._store.session(), self._store.exclusive(Offer):
            self._shorten(now)
            batch = Batch.select().where(*self._free(now)).order_by(Batch.number).first()
            if batch is None:
                return None
            offer = Offer.create(
                token=secrets.token_hex(32),
                batch_number=batch.number,
                prover=prover[:200],
                issued_at=now,
                expires_at=now + self._seconds,
                state=OfferState.LIVE,
            )
            return offer, batch

    def ready(self, most: int) -> int:
        """Return how many batches could be offered now, counted up to `most`."""
        with self._store.session():
            return len(Batch.select(Batch.number).where(*self._free(self._clock())).limit(most))

    def renew(self, token: str, batch_number: int) -> float:
        """Extend a live offer and return its new expiry.

        Raises
        ------
        OfferUnknown, OfferMismatch, OfferExpired
            As for :meth:`check`.
        """
        with self._store.session(), self._store.atomic():
            offer = self.check(token, batch_number)
            offer.expires_at = self._clock() + self._seconds
            offer.save()
            return float(offer.expires_at)

    def check(self, token: str, batch_number: int, *, late: bool = False) -> Offer:
        """Return the offer of `token` for `batch_number`.

        Parameters
        ----------
        late
            Accept an offer that ran out: its proof arrived in time and was being verified since.

        Raises
        ------
        OfferUnknown
            The token was never given out.
        OfferMismatch
            It was given out for another batch.
        OfferExpired
            It ran out.
        """
        with self._store.session():
            possible = token.isascii() and len(token) <= MAX_TOKEN_CHARACTERS
            offer = Offer.get_or_none(Offer.token == token) if possible else None
        if offer is None:
            raise OfferUnknown()
        if offer.batch_number != batch_number:
            raise OfferMismatch(f"The offer is for batch {offer.batch_number}, not {batch_number}.")
        if not late and offer.expires_at <= self._clock():
            raise OfferExpired(
                f"The offer of batch {batch_number} ran out {self._clock() - offer.expires_at:.1f} s ago."
            )
        return offer

    def check_version(self, batch: Batch) -> None:
        """Refuse a batch whose proofs are not judged here.

        Raises
        ------
        ProtocolMismatch
        """
        if batch.protocol_version != self.version:
            raise ProtocolMismatch(
                f"Batch {batch.number} is of protocol version {batch.protocol_version}, proofs of version "
                f"{self.version} are judged here.",
                remedy="Hand the proof to the release of that version (docs/upgrading.md).",
            )

    def _free(self, now: float) -> tuple[Any, ...]:
        """Return the conditions on a batch of the version that is ready, not proven and under no live offer."""
        # Asked of each batch, as offers of old batches stay and there are far more of them than of open batches.
        live = Offer.select().where(
            Offer.batch_number == Batch.number, Offer.state == OfferState.LIVE, Offer.expires_at > now
        )
        return (
            Batch.status == BatchStatus.COMMITTED,
            Batch.protocol_version == self.version,
            ~fn.EXISTS(live),
        )

    def _shorten(self, now: float) -> None:
        """Give offers from before the clock stepped back their whole life from now: a dead prover's must run out."""
        longest = now + self._seconds
        Offer.update(expires_at=longest).where(Offer.state == OfferState.LIVE, Offer.expires_at > longest).execute()


def find_batch(number: int) -> Batch:
    """Return the batch `number` when it is ready to be proven, proven or skipped.

    Raises
    ------
    BatchUnknown
        There is no such batch, or its commitments are not made yet.
    """
    batch = Batch.get_or_none(Batch.number == number) if 0 < number < 1 << 63 else None
    if batch is None or batch.status not in SETTLED:
        raise BatchUnknown(f"There is no batch {number} that is ready to be proven.")
    return batch
