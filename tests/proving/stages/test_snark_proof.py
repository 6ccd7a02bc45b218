"""A batch's SNARK as a file: what is refused of it, and what the commands say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from proving import keys
from proving.machine.program import Program
from proving.snark.errors import SnarkLength, SnarkPairing, SnarkPoint
from proving.snark.proving_key import make_key
from proving.snark.setup import insecure
from proving.stages import batch_proof, snark_proof, verify_snark
from proving.stages.batch_proof import Claim, OtherKeySet, OtherOutput, OtherProgram, OtherProtocol
from proving.stages.snark_proof import MalformedSnarkProof
from runtime import artifact
from runtime.errors import VerificationError
from runtime.protocol import PROTOCOL_NUMBER, PROTOCOL_VERSION
from tests.proving.snark.circuits import batch_circuit, batch_snark

PROFILE = "proven100"
ELF = Path(__file__).resolve().parents[3] / "guest" / "programs" / "stf.elf"
OUTPUT = bytes(range(32))
KEY = batch_circuit().key


@pytest.fixture(scope="module")
def commitment() -> Any:
    return Program.from_elf(ELF.read_bytes()).commitment


@pytest.fixture(scope="module")
def claim(commitment: Any) -> Claim:
    return Claim(keys.key_set(PROFILE).digest, commitment, PROTOCOL_NUMBER, OUTPUT)


@pytest.fixture(scope="module")
def proof(claim: Claim) -> bytes:
    return batch_snark(snark_proof.public_inputs(claim))


def packed(claim: Claim, proof: bytes) -> bytes:
    return snark_proof.pack(claim, proof, protocol=PROTOCOL_VERSION)


def test_a_snark_shows_its_claim_and_how_far_it_is_to_be_trusted(claim: Claim, proof: bytes, commitment: Any) -> None:
    shown = verify_snark(packed(claim, proof), KEY, profile=PROFILE, program_commitment=commitment, output=OUTPUT)
    assert (shown.output, shown.mark) == (OUTPUT, "insecure-test")
    assert shown.security == batch_proof.security(PROFILE, compressed=True)
    assert shown.wrap.startswith("NONE, INSECURE-TEST")
    assert "100 bits" in replace(shown, mark="production").wrap


def test_the_layers_below_a_snark_count_among_the_weakest(monkeypatch: pytest.MonkeyPatch) -> None:
    (layer,) = keys.circuits_of(PROFILE).layers
    real = keys.key(layer)
    report = real.report(PROFILE)
    weak = replace(report, terms=tuple(replace(term, bits=12.0) for term in report.terms))
    monkeypatch.setitem(real.reports, PROFILE, weak)
    assert batch_proof.security(PROFILE, compressed=True) == weak != batch_proof.security(PROFILE)


def other_digest(digest: Any) -> Any:
    changed = digest.copy()
    changed[0] ^= np.uint64(1)
    return changed


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda claim: replace(claim, program_commitment=other_digest(claim.program_commitment)), OtherProgram),
        (lambda claim: replace(claim, output=bytes(32)), OtherOutput),
        (lambda claim: replace(claim, protocol=claim.protocol + 1), OtherProtocol),
        (lambda claim: replace(claim, key_set=other_digest(claim.key_set)), OtherKeySet),
        (lambda claim: replace(claim, key_set=keys.key_set("proven128").digest), OtherKeySet),
    ],
    ids=["program", "output", "protocol", "key set", "profile"],
)
def test_a_true_snark_of_another_claim_is_refused(
    claim: Claim, commitment: Any, change: Callable[[Claim], Claim], refusal: type[Exception]
) -> None:
    """The SNARK itself holds: only the comparison with what the caller expects refuses it."""
    other = change(claim)
    data = packed(other, batch_snark(snark_proof.public_inputs(other)))
    with pytest.raises(refusal):
        verify_snark(data, KEY, profile=PROFILE, program_commitment=commitment, output=OUTPUT)


def test_a_snark_does_not_hold_for_a_claim_that_it_was_not_made_for(claim: Claim, proof: bytes) -> None:
    with pytest.raises(SnarkPairing):
        verify_snark(packed(replace(claim, output=bytes(32)), proof), KEY, profile=PROFILE)


def test_a_snark_holds_under_its_own_key_only(claim: Claim, proof: bytes) -> None:
    circuit = batch_circuit().circuit
    other = make_key(circuit, insecure.make(circuit.rows)).key
    with pytest.raises(SnarkPairing):
        verify_snark(packed(claim, proof), other, profile=PROFILE)


@pytest.mark.parametrize(
    ("size", "refusal"), [(0, SnarkLength), (-1, SnarkLength), (1, SnarkLength), (None, SnarkPoint)]
)
def test_bytes_that_are_no_snark_are_refused(
    claim: Claim, proof: bytes, size: int | None, refusal: type[Exception]
) -> None:
    if size is None:
        proof = proof[:95] + bytes([proof[95] ^ 1]) + proof[96:]
    else:
        proof = proof[:size] if size <= 0 else proof + bytes(size)
    with pytest.raises(refusal):
        verify_snark(packed(claim, proof), KEY, profile=PROFILE)


def test_what_is_no_artifact_of_a_snark_is_refused(claim: Claim, proof: bytes) -> None:
    good = packed(claim, proof)
    payload = claim.to_bytes() + proof
    many = bytes(snark_proof.MAX_BYTES)
    unreduced = (2**64 - 1).to_bytes(8, "little") + payload[8:]
    for data in (
        b"",
        good[:-1],
        good + b"\0",
        batch_proof.pack(claim, proof, protocol=PROTOCOL_VERSION),
        snark_proof.pack(claim, proof, protocol="0"),
        artifact.pack(snark_proof.KIND, payload[:100], version=1, protocol=PROTOCOL_VERSION),
        artifact.pack(snark_proof.KIND, payload, version=2, protocol=PROTOCOL_VERSION),
        artifact.pack(snark_proof.KIND, payload, version=1, protocol=PROTOCOL_VERSION, compress=True),
        artifact.pack(snark_proof.KIND, payload + many, version=1, protocol=PROTOCOL_VERSION),
        artifact.pack(snark_proof.KIND, unreduced, version=1, protocol=PROTOCOL_VERSION),
    ):
        with pytest.raises(VerificationError) as caught:
            verify_snark(data, KEY, profile=PROFILE)
        assert isinstance(caught.value, MalformedSnarkProof), data[:40]


def test_the_commands_verify_and_inspect_it(claim: Claim, proof: bytes, tmp_path: Path) -> None:
    file, key = tmp_path / "batch.snark", tmp_path / "verifying.key"
    file.write_bytes(packed(claim, proof))
    key.write_bytes(KEY.to_bytes())
    words = ["verify", str(file), "--program", str(ELF), "--snark-key", str(key), "--output"]
    shown = CliRunner().invoke(app, [*words, OUTPUT.hex()])
    assert shown.exit_code == 0, shown.output
    assert "is valid" in shown.output and "INSECURE-TEST" in shown.output
    refused = CliRunner().invoke(app, [*words, bytes(32).hex()])
    assert isinstance(refused.exception, OtherOutput)
    bare = CliRunner().invoke(app, ["verify", str(file), "--program", str(ELF)])
    assert isinstance(bare.exception, VerificationError), "without a key it is taken for no proof"
    seen = CliRunner().invoke(app, ["inspect", str(file)])
    assert "INSECURE-TEST" in seen.output and OUTPUT.hex() in seen.output
