"""The proofs that L1 takes, one file per batch."""

from __future__ import annotations

from pathlib import Path

from core.batches.witness_store import WitnessStore
from core.errors import BatchUnknown
from runtime.errors import TooLarge

#: Bytes of a proof for L1; a SNARK has 1,440.
MAX_SNARK_BYTES = 64 << 10

_KIND = "snark"


class SnarkStore:
    """Files of proofs for L1 in a folder of their own, which is made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self._files = WitnessStore(folder)

    def put(self, number: int, proof: bytes) -> None:
        """Keep the proof of a batch so that it survives a power failure.

        Raises
        ------
        TooLarge
        """
        if len(proof) > MAX_SNARK_BYTES:
            raise TooLarge(f"A proof for L1 has at most {MAX_SNARK_BYTES} bytes.")
        self._files.put(number, _KIND, proof)

    def get(self, number: int) -> bytes | None:
        """Return the proof of a batch, None when there is none yet."""
        try:
            return self._files.get(number, _KIND)
        except BatchUnknown:
            return None
