"""A proof's bytes are frozen, so that a change of the format, of a digest or of the transcript is a decision.

When this fails and the change is meant: raise ``PROOF_FORMAT`` in ``proving/stark/key.py``, then run
``python -m tests.proving.stark.freeze``.
"""

from __future__ import annotations

import json

import numpy as np

from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.stark import toy
from tests.proving.stark.freeze import FACTS, PROOF
from tests.proving.stark.reference_backend import ReferenceBackend


def test_the_frozen_proof_is_still_accepted_under_the_frozen_key() -> None:
    facts = json.loads(FACTS.read_text())
    key = toy.key()
    assert key.hex == facts["key"]
    assert len(PROOF.read_bytes()) == facts["bytes"]
    verify(key, toy.QUICK, np.array(facts["publics"], dtype=np.uint64), PROOF.read_bytes())


def test_the_prover_still_makes_the_frozen_bytes() -> None:
    assert toy.proof()[2] == PROOF.read_bytes()


def test_the_reference_backend_makes_the_frozen_bytes() -> None:
    publics, traces = toy.traces()
    assert prove(toy.key(), toy.QUICK, publics, traces, ReferenceBackend()) == PROOF.read_bytes()
