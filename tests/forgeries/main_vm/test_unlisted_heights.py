"""A segment proven at heights that are not listed is refused, though the key allows them."""

from __future__ import annotations

import pytest

from proving import keys, stages
from proving.backend.native import NativeBackend
from proving.machine.checkpoint import Checkpoint
from proving.machine.main_vm import shapes
from proving.machine.main_vm.expand import expand
from proving.machine.replay import replay
from proving.stages import proof, verify
from proving.stages.rounds import Round
from proving.stark import verifier
from proving.stark.prover import prove
from runtime.errors import VerificationError
from runtime.protocol import PROTOCOL_VERSION
from tests.proving.machine.main_vm.segments import everything
from tests.proving.stages.chain import PROFILE, chain


@pytest.mark.parametrize(("table", "log_height"), [("add", 10), ("control", 12), ("memory_sub", 7)])
def test_a_proof_with_other_heights_is_refused(monkeypatch: pytest.MonkeyPatch, table: str, log_height: int) -> None:
    heights = {**shapes.SHAPES[1], table: log_height}
    monkeypatch.setattr(shapes, "SHAPES", (heights,))
    traces, publics = expand(everything())
    key = keys.proving_key(keys.MAIN_VM)
    made = prove(key, PROFILE, publics, traces, NativeBackend())
    assert verifier.verify(key, PROFILE, publics, made).log_heights == tuple(heights.values())

    with pytest.raises(shapes.UnlistedShape):
        proof.check(publics, made, profile=PROFILE)
    packed = proof.pack(publics, made, protocol=PROTOCOL_VERSION)
    with pytest.raises(shapes.UnlistedShape):
        verify.verify_segment(packed, publics=publics, profile=PROFILE)


def test_no_leaf_is_made_over_such_a_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain's last segment, proven honestly at twice a listed height."""
    made = chain()
    last = stages.basic_witness(made.elf, b"", size_class=12).checkpoints[-1]
    publics = proof.unpack(made.artifacts[-1]).publics
    listed = shapes.SHAPES[proof.check(publics, made.proofs[-1], profile=PROFILE)]
    monkeypatch.setattr(shapes, "SHAPES", ({**listed, "decode": listed["decode"] + 1},))
    traces, _ = expand(replay(Checkpoint.from_bytes(last)))
    other = prove(keys.proving_key(keys.MAIN_VM), PROFILE, publics, traces, NativeBackend())
    packed = proof.pack(publics, other, protocol=PROTOCOL_VERSION)
    with pytest.raises(VerificationError) as refused:
        stages.recursive_witness(Round.LEAF, [packed], statement=made.statement.encode(), profile=PROFILE)
    assert "unlisted_shape" in (refused.value.code, refused.value.details.get("cause"))
