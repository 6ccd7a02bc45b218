"""False segments through the real prover: what the row engine finds, a verifier of proofs refuses too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proving import keys
from proving.backend.native import NativeBackend
from proving.hash import compress
from proving.machine.main_vm.expand import Traces, expand
from proving.stark.errors import BusUnbalanced, ConstraintsViolated, ProofRefused
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.forgeries.main_vm.attacks import Claim, cell
from tests.forgeries.main_vm.test_attacks import RESULT, compute, stale_load
from tests.proving.machine import assembler as asm

PROFILE = "legacy-conjectured"


def untouched_change() -> tuple[Claim, None]:
    """A word of memory that no instruction touches is another one at the end."""
    claim = Claim.of([asm.HALT])
    keys = claim.records.node_key
    root = int(np.flatnonzero((keys[:, 0] == 0) & (keys[:, 1] == 13))[0])
    claim.records.node_new[root, 2] = (1, 2, 3, 4)
    claim.records.digests[1, 2] = compress(claim.records.node_new[root].reshape(1, 16))[0]
    return claim, None


def product_plus_p() -> tuple[Claim, Callable[[Traces], None]]:
    """The upper word of 5 * 3 is 2^32 - 1, as 15 + p = (2^32 - 1) 2^32 + 16; every bus balances."""
    claim = Claim.of(compute("mulhu", 5, 3))
    claim.change("mul", 0, out=2**32 - 1)
    claim.set_register(RESULT, 2**32 - 1)

    def edit(traces: Traces) -> None:
        cell(traces, "mul_div", 0, r_low=2**16 - 1, r_high=2**16 - 1, q_low=16, inverse=0)
        counts = traces["range"][1]
        for row, change in ((15, -1), (16, 1), (0, -2), (2**16 - 1, 2)):
            counts[row] = int(counts[row]) + change

    return claim, edit


ATTACKS: dict[str, tuple[Callable[[], tuple[Claim, Callable[[Traces], None] | None]], type[ProofRefused]]] = {
    "untouched memory changes": (untouched_change, ConstraintsViolated),
    "a product plus p": (product_plus_p, ConstraintsViolated),
    "a stale value": (lambda: (stale_load(), None), BusUnbalanced),
}


@pytest.mark.parametrize("name", [None, *ATTACKS])
def test_the_proof_of_a_false_segment_is_refused(name: str | None) -> None:
    key, edit, refusal = keys.proving_key(keys.MAIN_VM), None, None
    claim = Claim.of(compute("mulhu", 5, 3))
    if name is not None:
        build, refusal = ATTACKS[name]
        claim, edit = build()
    traces, publics = expand(claim.records)
    if edit is not None:
        edit(traces)
    proof = prove(key, PROFILE, publics, traces, NativeBackend(), consume=True)
    if refusal is None:
        verify(key, PROFILE, publics, proof)
        return
    with pytest.raises(refusal):
        verify(key, PROFILE, publics, proof)
