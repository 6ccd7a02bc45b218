"""Core's verifier on a real proof: two segments of a small program."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from core.program.state_transition import Program
from core.proofs.verification import accepted_security, key_identity, proof_verifier, read_snark_key
from core.settings import load_core_settings
from proving import keys
from proving.machine.executor import execute
from proving.machine.program import Program as MachineProgram
from proving.snark.errors import InsecureSetup
from proving.snark.layout import KEY_BYTES, PRODUCTION, PROOF_BYTES
from proving.snark.proving_key import make_key
from proving.snark.setup import insecure
from proving.snark.setup.pinned import SETUP_POINT
from proving.snark.statement import PUBLIC_INPUTS
from proving.stages import delivery, snark_proof
from proving.stages.batch_proof import Claim
from proving.stages.development import DevelopmentRun, NotProven
from runtime.artifact import pack, unpack
from runtime.errors import ConfigurationError, HallmarkError
from runtime.protocol import PROTOCOL_NUMBER, PROTOCOL_VERSION
from tests.proving.machine import assembler as asm
from tests.proving.machine.programs import counting_loop
from tests.proving.snark.circuits import batch_circuit, batch_snark
from tests.proving.stages.batch import ROUNDS, batch, prove_all

PROGRAMS = Path("guest/programs")


@pytest.fixture(scope="module")
def program() -> Program:
    return Program(batch().elf, 1 << 24)


@pytest.fixture(scope="module")
def proof() -> bytes:
    return batch().proofs[-1]


#: What the program leaves in its registers, of which the first has the count.
OUTPUT = execute(MachineProgram.from_elf(asm.elf(counting_loop(ROUNDS))), b"", cycle_limit=1 << 24).output


def test_a_proof_is_accepted_for_its_program_output_and_profile_only(program: Program, proof: bytes) -> None:
    verify = proof_verifier("proven100")(program)
    accepted = verify(proof, OUTPUT)
    assert accepted.output == OUTPUT
    assert re.fullmatch(r"proven100: 100\.\d bits proven", accepted.security)
    with pytest.raises(HallmarkError):
        verify(proof, bytes(32))
    with pytest.raises(HallmarkError):
        proof_verifier("proven128")(program)(proof, OUTPUT)
    other = Program((PROGRAMS / "stf.elf").read_bytes(), 1 << 24)
    with pytest.raises(HallmarkError):
        proof_verifier("proven100")(other)(proof, OUTPUT)


def test_a_run_in_development_mode_is_refused_by_name(program: Program) -> None:
    commitment = np.frombuffer(bytes.fromhex(program.commitment), dtype="<u8").astype(np.uint64)
    run = DevelopmentRun(commitment, OUTPUT, 1000)
    assert DevelopmentRun.unpack(run.pack()).output == OUTPUT
    with pytest.raises(NotProven, match="holds no proof"):
        proof_verifier("proven100")(program)(run.pack(), OUTPUT)


def test_no_changed_cut_or_lengthened_proof_is_accepted(program: Program, proof: bytes) -> None:
    verify = proof_verifier("proven100")(program)
    forged = [b"", proof[:-1], proof + b"\x00", proof[: len(proof) // 2], proof[8:], b"\x00" * len(proof)]
    random = np.random.default_rng(20261122)
    for place in [*range(0, 80, 5), *random.integers(80, len(proof), 40).tolist()]:
        changed = bytearray(proof)
        changed[place] ^= 1 << int(random.integers(8))
        forged.append(bytes(changed))
    for bad in forged:
        with pytest.raises(HallmarkError):
            verify(bad, OUTPUT)


def test_no_changed_proof_is_accepted_inside_a_repaired_envelope(program: Program, proof: bytes) -> None:
    """The envelope's checksum finds accidents; whoever forges a proof makes a fresh one."""
    verify = proof_verifier("proven100")(program)
    whole = unpack(proof, kind="batch_proof")
    random = np.random.default_rng(7)

    def repaired(payload: bytes) -> bytes:
        return pack("batch_proof", payload, version=whole.header.version, protocol=whole.header.protocol)

    assert verify(repaired(whole.payload), OUTPUT).output == OUTPUT
    forged = [whole.payload[:-1], whole.payload + b"\x00", b""]
    for place in [*range(0, 400, 13), *random.integers(400, len(whole.payload), 12).tolist()]:
        changed = bytearray(whole.payload)
        changed[place] ^= 1 << int(random.integers(8))
        forged.append(bytes(changed))
    for payload in forged:
        with pytest.raises(HallmarkError):
            verify(repaired(payload), OUTPUT)


def delivered(program: Program, proof: bytes, *, output: bytes = OUTPUT, snark: bytes | None = None) -> bytes:
    """What a prover returns where core asks for a SNARK, with the SNARK of the smallest circuit for it."""
    commitment = np.frombuffer(bytes.fromhex(program.commitment), dtype="<u8").astype(np.uint64)
    claim = Claim(keys.key_set("proven100").digest, commitment, PROTOCOL_NUMBER, output)
    made = batch_snark(snark_proof.public_inputs(claim)) if snark is None else snark
    return delivery.pack(proof, snark_proof.pack(claim, made, protocol=PROTOCOL_VERSION), protocol=PROTOCOL_VERSION)


def test_a_snark_that_is_asked_for_comes_with_the_proof_and_holds(program: Program, proof: bytes) -> None:
    verify = proof_verifier("proven100", batch_circuit().key)(program)
    accepted = verify(delivered(program, proof), OUTPUT)
    assert accepted.output == OUTPUT and len(accepted.snark) == PROOF_BYTES
    assert re.fullmatch(r"proven100: 100\.\d bits proven; SNARK: NONE, INSECURE-TEST: .*", accepted.security)
    other = make_key(batch_circuit().circuit, insecure.make(batch_circuit().circuit.rows)).key
    cases = {
        "no SNARK": (verify, proof),
        "a SNARK alone": (verify, delivery.unpack(delivered(program, proof))[1]),
        "a true SNARK of another output": (verify, delivered(program, proof, output=bytes(32))),
        "a SNARK of another claim": (verify, delivered(program, proof, snark=batch_snark([0] * PUBLIC_INPUTS))),
        "bytes for a SNARK": (verify, delivered(program, proof, snark=bytes(PROOF_BYTES))),
        "a changed proof": (verify, delivered(program, proof[:-1] + bytes([proof[-1] ^ 1]))),
        "another key": (proof_verifier("proven100", other)(program), delivered(program, proof)),
        "none asked for": (proof_verifier("proven100")(program), delivered(program, proof)),
    }
    for name, (judge, data) in cases.items():
        with pytest.raises(HallmarkError):
            judge(data, OUTPUT)
            pytest.fail(name)


def test_no_cut_or_lengthened_delivery_is_read(program: Program, proof: bytes) -> None:
    good = delivered(program, proof)
    payload = unpack(good).payload
    longer = (len(payload)).to_bytes(4, "little") + payload[4:]
    for forged in (b"", payload[:3], payload[:-1], payload + b"\0", longer):
        with pytest.raises(HallmarkError):
            data = pack(delivery.KIND, forged, version=delivery.VERSION, protocol=PROTOCOL_VERSION)
            proof_verifier("proven100", batch_circuit().key)(program)(data, OUTPUT)


def test_a_file_that_is_no_key_is_a_wrong_configuration(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert read_snark_key(None) is None
    for content in (None, b"", bytes(KEY_BYTES), batch_circuit().key.to_bytes() + b"\0"):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ConfigurationError, match=str(file)):
            read_snark_key(file)
    file.write_bytes(batch_circuit().key.to_bytes())
    assert read_snark_key(file) == batch_circuit().key


def test_a_chain_with_value_takes_no_key_of_an_insecure_setup(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(batch_circuit().key.to_bytes())
    with pytest.raises(InsecureSetup):
        read_snark_key(file, production=True)
    proven = dataclasses.replace(batch_circuit().key, mark=PRODUCTION, setup_point=SETUP_POINT)
    file.write_bytes(proven.to_bytes())
    assert read_snark_key(file, production=True) == proven


def test_core_says_what_it_accepts_and_marks_what_is_not_proven() -> None:
    assert re.fullmatch(r"proven128: 128\.\d bits proven", accepted_security("proven128"))
    assert re.fullmatch(
        r"INSECURE, legacy-conjectured: 57\.\d bits proven \(100\.0 bits CONJECTURED\)",
        accepted_security("legacy-conjectured"),
    )


def test_a_conjectured_proof_is_accepted_only_on_request() -> None:
    profile = "legacy-conjectured"
    with pytest.raises(ConfigurationError, match="HALLMARK_CORE_ACCEPT_INSECURE"):
        load_core_settings(core_profile=profile)
    assert load_core_settings(core_profile=profile, core_accept_insecure=True).core_profile == profile


@pytest.mark.long
def test_such_a_proof_holds_under_its_own_profile_alone(program: Program) -> None:
    profile = "legacy-conjectured"
    weak = prove_all(program.elf, b"", size_class=12, profile=profile).proofs[-1]
    with pytest.raises(HallmarkError):
        proof_verifier(load_core_settings().core_profile)(program)(weak, OUTPUT)
    assert proof_verifier(profile)(program)(weak, OUTPUT).security.startswith("INSECURE, legacy-conjectured: 57.")


def test_the_provers_profile_is_not_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_PROFILE", "legacy-conjectured")
    assert load_core_settings().core_profile == "proven100"


def test_the_identity_names_profile_and_key() -> None:
    assert re.fullmatch(r"proven128:[0-9a-f]{64}", key_identity("proven128"))
