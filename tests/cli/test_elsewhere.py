"""A batch is exported, proven by a command that reaches no store, and its proof imported: as if it were made here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from actors.keys import OtherKeys
from broker.artifacts import open_artifacts
from broker.jobs import Batch, BatchState, JobSpec, JobState, Stage, open_store, status
from cli import exported
from cli.exported import BatchWork, ProvenBatch
from cli.options import NotConfirmed
from cli.run import ROOT
from proving import stages
from proving.hash.text import digest_hex
from proving.machine.program import Program
from runtime import artifact
from runtime.errors import ArtifactKind, BatchFinished, InvalidInput, VerificationError
from runtime.protocol import PROTOCOL_VERSION
from runtime.settings import Settings
from tests.broker.test_jobs import must_claim
from tests.cli.store import Installation
from tests.proving.stages.chain import elf_of

#: A run of one segment, the shortest batch.
ELF = elf_of(20)
KEYS = f"proven100:{stages.key_digest('proven100')}"


def install(folder: Path) -> Installation:
    url = f"sqlite:///{folder}/hallmark.db"
    settings = Settings.load(state_dir=folder, database_url=url, store_url="")
    store, artifacts = open_store(settings), open_artifacts(settings)
    inputs = {
        kind: artifacts.save(f"gateway/4242/1/{kind}-00", kind, payload, protocol=PROTOCOL_VERSION)
        for kind, payload in (("program", ELF), ("advice", b""))
    }
    jobs = [JobSpec(Stage.WITNESS, key="witness", inputs=inputs)]
    commitment = digest_hex(Program.from_elf(ELF).commitment)
    store.create_batch(
        1, protocol_version=PROTOCOL_VERSION, jobs=jobs, program_commitment=commitment, key_identity=KEYS
    )
    return Installation(folder, store, url)


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that comes back from the other machine."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    installation = install(here)
    exported_to = here / "batch.work"
    assert installation.run("batch", "export", 1, "-o", exported_to).exit_code == 0
    work = there / "batch.work"
    exported_to.rename(work)
    # No server, no store, another state folder: a port where nobody listens for whoever would look.
    nothing = {
        "HALLMARK_STATE_DIR": str(there / "state"),
        "HALLMARK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "HALLMARK_STORE_URL": "s3://none",
        "HALLMARK_STORE_ENDPOINT": "http://127.0.0.1:1",
    }
    command = [sys.executable, "-m", "cli.main", "prove-batch", work, "-o", there / "batch.proven", "--memory", "1G"]
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env={**os.environ, **nothing}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "proved batch 1 of chain 4242" in done.stdout
    assert sorted(path.name for path in there.iterdir()) == ["batch.proven", "batch.work"]
    return there / "batch.proven"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return install(tmp_path)


def changed(proven: Path, place: Path, **values: object) -> Path:
    found, protocol = exported.unpack(proven.read_bytes(), ProvenBatch)
    place.write_bytes(exported.pack(msgspec.structs.replace(found, **values), protocol=protocol))
    return place


def batch(installation: Installation) -> Batch:
    return status.batch(installation.store, 1)


def test_an_imported_proof_ends_the_batch(installation: Installation, proven: Path) -> None:
    held = must_claim(installation.store)
    assert isinstance(installation.run("batch", "import", proven).exception, NotConfirmed), "it asks first"
    assert installation.run("batch", "import", proven, "--yes").exit_code == 0
    assert batch(installation).state is BatchState.PROVEN
    settings = Settings.load(state_dir=installation.folder, database_url="", store_url="")
    result = open_artifacts(settings).load(batch(installation).result, kind="batch_proof", protocol=PROTOCOL_VERSION)
    commitment = Program.from_elf(ELF).commitment
    stages.verify_batch(result, program_commitment=commitment, profile="proven100")
    assert status.job(installation.store, held.job_id).state is JobState.CANCELLED
    again = installation.run("batch", "import", proven, "--yes").exception
    assert isinstance(again, BatchFinished), "it has a proof already"
    installation.store.requeue_batch(batch(installation).id)
    assert batch(installation).state is BatchState.IN_PROGRESS, "and may be proven here all the same"


def test_a_proof_that_does_not_hold_changes_nothing(installation: Installation, proven: Path, tmp_path: Path) -> None:
    found, _ = exported.unpack(proven.read_bytes(), ProvenBatch)
    # Whole on the outside: the proof inside is another one's, changed by a byte under a fresh checksum.
    inner = artifact.unpack(found.result)
    payload = bytearray(inner.payload)
    payload[len(payload) // 2] ^= 1
    head = inner.header
    damaged = artifact.pack(head.kind, bytes(payload), version=head.version, protocol=head.protocol)
    file = changed(proven, tmp_path / "changed", result=damaged)
    assert isinstance(installation.run("batch", "import", file, "--yes").exception, VerificationError)
    assert batch(installation).state is BatchState.IN_PROGRESS


def test_inspect_says_what_is_in_both_files(installation: Installation, proven: Path) -> None:
    for path in (proven, proven.with_name("batch.work")):
        said = installation.run("inspect", path).stdout
        assert "1 of chain 4242" in said and KEYS in said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("program_commitment", "00" * 32, "program"),
        ("key_identity", "proven128:00", "keys"),
        ("snark_key", "ab" * 32, "SNARK's key"),
    ],
)
def test_a_proof_of_another_batch_is_refused_by_name(
    installation: Installation, proven: Path, tmp_path: Path, name: str, value: str, said: str
) -> None:
    done = installation.run("batch", "import", changed(proven, tmp_path / "changed", **{name: value}), "--yes")
    assert isinstance(done.exception, InvalidInput) and said in done.exception.message
    assert batch(installation).state is BatchState.IN_PROGRESS


def test_other_keys_are_refused_before_anything_is_proven(tmp_path: Path) -> None:
    work = BatchWork(
        chain_id=1,
        number=1,
        program_commitment="00" * 32,
        key_identity="proven100:" + "00" * 32,
        snark_key="",
        program=ELF,
        advice=b"",
    )
    (tmp_path / "work").write_bytes(exported.pack(work, protocol=PROTOCOL_VERSION))
    folder = Installation(tmp_path, open_store(Settings.of(state_dir=tmp_path)), "")
    done = folder.run("prove-batch", tmp_path / "work", "-o", tmp_path / "out")
    assert isinstance(done.exception, OtherKeys)


def test_files_are_told_apart_and_bounded() -> None:
    work = BatchWork(
        chain_id=1, number=1, program_commitment="", key_identity="", snark_key="", program=b"p", advice=b"a"
    )
    data = exported.pack(work, protocol="1")
    assert exported.unpack(data, BatchWork) == (work, "1")
    with pytest.raises(ArtifactKind):
        exported.unpack(data, ProvenBatch)
    strange = artifact.pack(exported.WORK, msgspec.msgpack.encode({"chain_id": "one"}), version=1)
    with pytest.raises(InvalidInput, match="chain_id"):
        exported.unpack(strange, BatchWork)
