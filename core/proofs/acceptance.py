"""The one place where core's state advances to *proven*: a proof is verified, kept and recorded, or refused.

Everything about a refused proof ends here too: its submission is recorded with the reason, its bytes are removed,
and no other row changes.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from core.errors import BatchProven, CoreError, ProofRefused
from core.proofs.offers import Offers, find_batch
from core.proofs.snark_store import SnarkStore
from core.state.chain import PASSED
from core.store import Batch, BatchStatus, OfferState, Store, Submission
from runtime.errors import HallmarkError
from runtime.logging import get_logger

log = get_logger(__name__)


class Verified(Protocol):
    """What a verifier tells about a proof that it accepts."""

    @property
    def output(self) -> bytes:
        """The 32 public output bytes that the proof shows."""

    @property
    def security(self) -> object:
        """The security that the proof achieves, for people."""

    @property
    def snark(self) -> bytes:
        """The SNARK that came with it, as L1 takes it; empty where none was asked for."""


#: Verifies a proof against a batch's expected output; raises a :class:`HallmarkError` when it does not hold.
Verifier = Callable[[bytes, bytes], Verified]


class Acceptance:
    """Judges submitted proofs.

    Parameters
    ----------
    store, offers
        Core's rows.
    folder
        Where accepted proofs are kept, one file per batch.
    verifier
        Returns what judges proofs of a batch, ``(proof, expected output) -> Verified``: for the batch's own program.
    snarks
        Where the SNARKs of accepted proofs are kept.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        offers: Offers,
        folder: Path,
        verifier: Callable[[Batch], Verifier],
        snarks: SnarkStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._offers = offers
        self._folder = folder
        self._verifier = verifier
        self._snarks = snarks
        self._clock = clock
        self._judging = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def may_submit(self, number: int, token: str | None) -> int | None:
        """Refuse at once what can be refused before the proof is read; without a token, anybody may prove a batch.

        Returns
        -------
        int or None
            Bytes of the accepted proof where the batch is proven. It passes without a token: whether one of this size
            is the accepted one is only known once it is read.

        Raises
        ------
        BatchUnknown, ProtocolMismatch, OfferUnknown, OfferMismatch, OfferExpired
        """
        with self._store.session():
            batch = find_batch(number)
            if batch.status == BatchStatus.PROVEN:
                return int(batch.proof_size or 0)
            self._offers.check_version(batch)
            if token is not None:
                self._offers.check(token, number)
            return None

    def judge(self, number: int, token: str | None, received: Path, trace_id: str) -> bool:
        """Verify the proof in the file `received` and make the batch proven.

        Returns
        -------
        bool
            True when this call advanced the batch, False when the very same proof had been accepted before (so
            that a gateway which lost the first answer may ask again, under whatever token).

        Raises
        ------
        BatchUnknown, ProtocolMismatch, OfferUnknown, OfferMismatch, OfferExpired, BatchProven, ProofRefused
        """
        proof = received.read_bytes()
        digest = hashlib.sha256(proof).digest()
        with self._judging, self._store.session():
            try:
                advanced = self._judge(number, token, proof, digest, received)
            except CoreError as error:
                self.record(number, len(proof), digest, error.code, error.message, trace_id)
                raise
            self.record(number, len(proof), digest, "accepted", "", trace_id)
            return advanced

    def record(self, number: int, size: int, sha256: bytes | None, outcome: str, message: str, trace_id: str) -> None:
        """Write down what became of a submission."""
        with self._store.session():
            Submission.create(
                batch_number=number if 0 < number < 1 << 63 else 0,
                received_at=self._clock(),
                size=size,
                sha256=sha256,
                outcome=outcome,
                message=message[:2000],
                trace_id=trace_id or None,
            )

    def _judge(self, number: int, token: str | None, proof: bytes, digest: bytes, received: Path) -> bool:
        batch = find_batch(number)
        if batch.status == BatchStatus.PROVEN:
            return _same_proof(batch, digest)
        self._offers.check_version(batch)
        if token is not None:
            self._offers.check(token, number)
        verify = self._verifier(batch)
        try:
            verified = verify(proof, batch.expected_output)
        except HallmarkError as error:
            raise ProofRefused(f"The proof of batch {number} was refused: {error.code}: {error.message}") from error
        if verified.output != batch.expected_output:
            raise ProofRefused(f"The proof of batch {number} shows another public output.")
        kept = self._folder / f"batch-{number}.proof"
        _persist(received, kept)
        if verified.snark:
            self._snarks.put(number, verified.snark)
        with self._store.atomic():
            batch = find_batch(number)
            if batch.status == BatchStatus.PROVEN:
                return _same_proof(batch, digest)
            if token is not None:
                offer = self._offers.check(token, number, late=True)
                offer.state = OfferState.USED
                offer.save()
            batch.status = BatchStatus.PROVEN
            batch.proof_sha256 = digest
            batch.proof_size = len(proof)
            batch.proven_at = self._clock()
            batch.security = str(verified.security)
            batch.save()
        log.info("batch.proven", batch=number, proof_bytes=len(proof), security=str(verified.security))
        return True


def proven_batch() -> int:
    """Return the highest batch up to which every batch is proven, or skipped on a test network; 0 before the first."""
    pending = Batch.select(Batch.number).where(Batch.status.not_in(PASSED)).order_by(Batch.number).first()
    if pending is not None:
        return int(pending.number) - 1
    last = Batch.select(Batch.number).order_by(Batch.number.desc()).first()
    return 0 if last is None else int(last.number)


def _same_proof(batch: Batch, digest: bytes) -> bool:
    if batch.proof_sha256 == digest:
        return False
    raise BatchProven(f"Batch {batch.number} is already proven by another proof.")


def _persist(source: Path, target: Path) -> None:
    """Move `source` to `target` so that it survives a power failure before any row speaks of it."""
    with source.open("rb") as handle:
        os.fsync(handle.fileno())
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
