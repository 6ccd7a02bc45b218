"""The stage that makes a batch's SNARK; `tests/system/test_demo.py` follows a real one to L1."""

from __future__ import annotations

from pathlib import Path

import pytest

from proving import keys
from proving.keys.errors import NotCompressed
from proving.machine.program import Program
from proving.stages import batch_proof, compress, compression
from proving.stages.batch_proof import Claim
from runtime.errors import ConfigurationError, VerificationError
from runtime.protocol import PROTOCOL_NUMBER, PROTOCOL_VERSION

ELF = Path(__file__).resolve().parents[3] / "guest" / "programs" / "stf.elf"


def claimed(profile: str) -> bytes:
    """A claim without a proof."""
    commitment = Program.from_elf(ELF.read_bytes()).commitment
    claim = Claim(keys.key_set(profile).digest, commitment, PROTOCOL_NUMBER, bytes(32))
    return batch_proof.pack(claim, bytes(1000), protocol=PROTOCOL_VERSION)


def test_profiles_that_are_compressed_have_a_layer_and_a_pinned_circuit() -> None:
    assert {profile for profile in keys.key_sets() if compression.available(profile)} == set(keys.snark_pins())
    assert compression.available("proven100") and not compression.available("proven128")


def test_what_is_no_proof_is_refused_before_anything_is_computed() -> None:
    for data in (b"", claimed("proven100"), claimed("proven128")):
        with pytest.raises(VerificationError):
            compress(data, profile="proven100")


def test_a_profile_without_a_layer_is_refused_by_name() -> None:
    with pytest.raises((NotCompressed, VerificationError)):
        compress(claimed("proven128"), profile="proven128")
    with pytest.raises(NotCompressed):
        compression.snark_key_digest("proven128")


def test_a_setup_that_cannot_be_read_is_a_wrong_configuration(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.ptau", tmp_path):
        with pytest.raises(ConfigurationError, match="HALLMARK_SETUP"):
            compression.verifying_key("proven100", path)
