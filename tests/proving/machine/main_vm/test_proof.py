"""A segment is proven and verified; nothing else passes for it."""

from __future__ import annotations

import numpy as np
import pytest

from proving.backend.native import NativeBackend
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import expand
from proving.machine.main_vm.shape import LOG_BLOWUP, MAX_LOG_HEIGHTS
from proving.stark.generate import build_key
from proving.stark.prover import prove
from proving.stark.verifier import verify
from runtime.errors import VerificationError
from tests.proving.machine.main_vm.segments import everything


def test_a_segment_is_proven_and_another_end_refused() -> None:
    backend = NativeBackend()
    key = build_key(circuit(), backend=backend, log_blowup=LOG_BLOWUP, max_log_heights=MAX_LOG_HEIGHTS)
    traces, publics = expand(everything())
    assert np.array_equal(publics, np.concatenate([everything().start, everything().end]))
    proof = prove(key, "proven100", publics, traces, backend)
    verify(key, "proven100", publics, proof)
    other = publics.copy()
    other[4] ^= np.uint64(1)
    with pytest.raises(VerificationError):
        verify(key, "proven100", other, proof)
