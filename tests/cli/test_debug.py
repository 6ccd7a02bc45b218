"""`hallmark debug proof` names the check that refuses, and table, row, constraint and values that a witness breaks."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from broker.jobs import open_store
from proving import stages
from proving.machine.records import CYCLE, Records
from proving.stages import proof, run_proof
from proving.stages.statement import Statement
from runtime import artifact
from runtime.protocol import PROTOCOL_VERSION
from runtime.settings import Settings
from tests.cli.store import Installation
from tests.proving.stages.chain import elf_of


@pytest.fixture(scope="module")
def segment() -> tuple[bytes, Records]:
    """A checkpoint of a short run, and its execution records."""
    [checkpoint] = stages.basic_witness(elf_of(20), b"", size_class=12).checkpoints
    return checkpoint, Records.from_bytes(stages.execution_records(checkpoint))


@pytest.fixture(scope="module")
def proven(segment: tuple[bytes, Records]) -> bytes:
    return stages.prove_segment(segment[0], profile="proven100")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path, open_store(Settings.of(state_dir=tmp_path)), "")


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_whole_witness_and_its_proof_hold(
    installation: Installation, segment: tuple[bytes, Records], proven: bytes, tmp_path: Path
) -> None:
    checkpoint = write(tmp_path / "checkpoint", segment[0])
    done = installation.run("debug", "proof", write(tmp_path / "proof", proven), "--witness", checkpoint)
    assert done.exit_code == 0, done.output
    assert "the proof holds" in done.stdout and "every constraint holds" in done.stdout


def test_the_proof_of_a_run_is_told_of_as_its_segments(
    installation: Installation, segment: tuple[bytes, Records], proven: bytes, tmp_path: Path
) -> None:
    told = Statement.decode(stages.basic_witness(elf_of(20), b"", size_class=12).statement)
    made = write(tmp_path / "proof", run_proof.pack(told, proven, profile="proven100"))
    checkpoint = write(tmp_path / "checkpoint", segment[0])
    done = installation.run("debug", "proof", made, "--witness", checkpoint)
    assert done.exit_code == 0, done.output
    assert "the proof holds" in done.stdout and "every constraint holds" in done.stdout
    [other] = stages.basic_witness(elf_of(21), b"", size_class=12).checkpoints
    done = installation.run("debug", "proof", made, "--witness", write(tmp_path / "other", other))
    assert done.exit_code == 1 and "another segment" in done.stdout


def test_a_wrong_sum_is_found_in_its_table_and_row_with_its_values(
    installation: Installation, segment: tuple[bytes, Records], tmp_path: Path
) -> None:
    _, records = segment
    row, column = 7, CYCLE.index("out")
    add = records.add_immediate.copy()
    add[row, column] ^= 1
    wrong = dataclasses.replace(records, add_immediate=add)
    # As the artifact store keeps it: an artifact in another one's envelope.
    kept = artifact.pack("execution_records", wrong.to_bytes(), protocol=PROTOCOL_VERSION)
    file = write(tmp_path / "records", kept)
    done = installation.run("debug", "proof", file)
    assert done.exit_code == 1 and f"fails on row {row} " in done.stdout
    found = installation.run("debug", "proof", file, "--json")
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    [at] = [each for each in said["broken"] if each["name"] == "the sum"]
    assert (at["table"], at["row"], at["count"]) == ("add_immediate", row, 1)
    assert int(add[row, column]) in at["values"].values(), at["values"]
    assert any(each["bus"] for each in said["broken"]), "the register that the sum went to does not add up either"


def test_a_changed_proof_names_the_check_that_refuses_it(
    installation: Installation, segment: tuple[bytes, Records], proven: bytes, tmp_path: Path
) -> None:
    told = proof.unpack(proven)
    bare = bytearray(told.proof)
    bare[len(bare) // 2] ^= 1
    changed = proof.pack(told.publics, bytes(bare), protocol=PROTOCOL_VERSION)
    done = installation.run("debug", "proof", write(tmp_path / "proof", changed), "--json")
    said = json.loads(done.stdout)
    assert done.exit_code == 1 and said["refused"]["code"] and said["refused"]["message"]
    publics = told.publics.copy()
    publics[0] ^= 1
    moved = proof.pack(publics, told.proof, protocol=PROTOCOL_VERSION)
    witness = write(tmp_path / "checkpoint", segment[0])
    done = installation.run("debug", "proof", write(tmp_path / "moved", moved), "--witness", witness)
    assert done.exit_code == 1 and "of another segment than the proof" in done.stdout


def test_what_is_neither_is_refused(installation: Installation, tmp_path: Path) -> None:
    file = write(tmp_path / "file", artifact.pack("statement", b"x"))
    assert "no proof" in str(installation.run("debug", "proof", file).exception)
