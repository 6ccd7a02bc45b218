"""Every command of an operator against a real store: what it shows, as table and JSON, and what it changes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from broker.artifacts import open_artifacts
from broker.jobs import BatchState, Cost, JobSpec, JobState, Stage, Worker, open_store, status
from cli import display
from runtime.errors import ArtifactCorrupt, InvalidInput
from runtime.settings import Settings
from tests.broker.test_jobs import make, must_claim, segments
from tests.broker.test_requeue import finish, only
from tests.cli.store import Installation
from tests.servers import shared_postgresql

LONG = "The artifact batches/1/2/0123456789abcdef0123456789abcdef/checkpoint is damaged: " + "checksum " * 12


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    url = f"sqlite:///{tmp_path}/hallmark.db" if request.param == "sqlite" else shared_postgresql().create_database()
    settings = Settings.load(state_dir=tmp_path, database_url=url, store_url="", retry_seconds=0)
    monkeypatch.setattr(display.console, "_width", 80)
    return Installation(tmp_path, open_store(settings, migrate=True), url)


def with_a_dead_job(installation: Installation) -> int:
    """Batch 1 with a dead vectors job, a running one of a GPU's worker, and what waits; return the dead job."""
    store = installation.store
    for number in (1, 2):
        make(store, number)
        store.complete(must_claim(store, Stage.WITNESS), "s", segments(2))
    dead = must_claim(store, Stage.VECTORS)
    store.fail(dead, ArtifactCorrupt(LONG))
    held = must_claim(store, Stage.VECTORS, worker=Worker("gpu-7/vectors/12345", "gpu-7", "cuda:1", clock_skew=90.0))
    store.renew(held, progress=0.5, note="rows")
    return dead.job_id


COMMANDS = [
    ("status",),
    ("status", "1"),
    ("batch", "list"),
    ("batch", "list", "--all-chains", "--state", "dead"),
    ("batch", "show", "1"),
    ("batch", "timeline", "1"),
    ("job", "list"),
    ("job", "list", "--batch", "1", "--state", "dead", "--stage", "vectors"),
    ("job", "show", "JOB"),
    ("job", "logs", "JOB"),
    ("queue",),
    ("workers",),
    ("stats",),
    ("stats", "--cost"),
    ("version", "list"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_tables_fit_and_json_is_json(installation: Installation, command: tuple[str, ...]) -> None:
    job = with_a_dead_job(installation)
    words = [str(job) if word == "JOB" else word for word in command]
    done = installation.run(*words)
    assert done.exit_code == 0, (done.output, done.exception)
    # Paths, the values of `pairs` (digests, whole errors) and tracebacks are never wrapped: they are copied.
    tables = done.stdout.partition("Traceback")[0].partition("runtime.errors.")[0]
    wide = [line for line in tables.splitlines() if len(line) > 80 and str(installation.folder) not in line]
    if command[1:2] != ("logs",):
        assert [line for line in wide if not line.startswith("  error ")] == []
    json.loads(installation.run(*words, "--json").stdout)


def test_status_names_the_dead_job_first_with_cause_and_remedy(installation: Installation) -> None:
    job = with_a_dead_job(installation)
    shown = installation.run("status").stdout
    assert shown.index("STUCK: dead_job") < shown.index("batch  state")
    assert "artifact_corrupt" in shown and f"hallmark job requeue {job}" in shown
    first = installation.json("status")["stuck"][0]
    assert (first["kind"], first["job"], first["batch"]) == ("dead_job", job, 1)


def test_status_check_is_for_scripts(installation: Installation) -> None:
    make(installation.store)
    assert installation.run("status", "--check").exit_code == 0
    installation.store.fail(must_claim(installation.store), ArtifactCorrupt("x"))
    assert installation.run("status").exit_code == 0
    assert installation.run("status", "--check").exit_code == 3


def test_workers_show_device_and_progress(installation: Installation) -> None:
    with_a_dead_job(installation)
    [busy] = [each for each in installation.json("workers") if each["held"]]
    assert (busy["name"], busy["device"], busy["held"][0]["progress_note"]) == ("gpu-7/vectors/12345", "cuda:1", "rows")
    assert busy["clock_skew"] == 90.0
    shown = installation.run("workers", width=200).stdout
    assert "50 % rows" in shown and "+90 s" in shown


def test_the_timeline_shows_what_was_done_and_what_is_open(installation: Installation) -> None:
    with_a_dead_job(installation)
    lines = installation.json("batch", "timeline", 1)["lines"]
    assert [(line["stage"], line["round"], line["jobs"]) for line in lines][:2] == [
        ("witness", 0, 1),
        ("vectors", 0, 2),
    ]
    shown = installation.run("batch", "timeline", 1).stdout
    assert "#" in shown and "1 dead" in shown


def test_a_batch_is_requeued_restarted_and_put_first(installation: Installation) -> None:
    with_a_dead_job(installation)
    assert installation.run("batch", "requeue", 1).stdout == "batch 1 is in_progress; 1 job requeued\n"
    assert installation.json("batch", "prioritise", 1, 7)["priority"] == 7
    assert installation.run("batch", "restart", 1, "--yes").exit_code == 0
    store = installation.store
    assert must_claim(store).job.stage is Stage.WITNESS


@pytest.mark.parametrize("command", ["restart", "cancel", "delete"])
def test_what_destroys_says_so_and_asks(installation: Installation, command: str) -> None:
    make(installation.store)
    before = status.batch(installation.store, 1)
    done = installation.run("batch", command, 1)
    assert done.exit_code != 0 and "--yes" in getattr(done.exception, "remedy", "")
    assert "Batch 1 of chain 4242" in done.stderr
    assert status.batch(installation.store, 1) == before
    assert installation.run("batch", command, 1, "--yes").exit_code == 0


def test_a_no_changes_nothing(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    make(installation.store)
    monkeypatch.setattr("cli.options._asks", lambda: True)
    assert installation.run("batch", "cancel", 1, given="n\n").exit_code == 1
    assert status.batch(installation.store, 1).state is BatchState.IN_PROGRESS
    assert installation.run("batch", "cancel", 1, given="y\n").exit_code == 0
    assert status.batch(installation.store, 1).state is BatchState.CANCELLED


def test_a_deleted_batch_leaves_an_archive_and_no_artifact(installation: Installation) -> None:
    batch_id = make(installation.store)
    artifacts = open_artifacts(Settings.load(state_dir=installation.folder, database_url="", store_url=""))
    artifacts.put(f"batches/{batch_id}/1/t/checkpoint", b"x")
    done = installation.json("batch", "delete", 1, "--yes")
    assert json.loads(Path(done["archive"]).read_text())["batch"]["number"] == 1
    assert status.batches(installation.store) == [] and list(artifacts.names()) == []
    assert installation.run("batch", "show", 1).exit_code != 0


def test_a_proof_that_waits_for_core_is_not_deleted(installation: Installation) -> None:
    make(installation.store)
    finish(installation.store)
    done = installation.run("batch", "delete", 1, "--yes")
    assert "waits for core" in str(done.exception) and status.batch(installation.store, 1).state is BatchState.PROVEN


def test_another_chain_is_named_by_option_or_setting(installation: Installation) -> None:
    other = Settings.load(state_dir=installation.folder, database_url=installation.database_url, chain_id=77)
    open_store(other, migrate=True).create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    make(installation.store, 1)
    assert [each["chain_id"] for each in installation.json("batch", "list", "--all-chains")] == [77, 4242][::-1]
    assert installation.json("batch", "show", 1, "--chain", 77)["chain_id"] == 77
    assert installation.json("batch", "show", 1, HALLMARK_CHAIN_ID="77")["chain_id"] == 77
    assert installation.run("batch", "cancel", 1, "--chain", 77, "--yes").exit_code == 0
    assert status.batch(installation.store, 1).state is BatchState.IN_PROGRESS
    assert {each["chain_id"] for each in installation.json("job", "list", "--chain", 77)} == {77}


def test_status_lists_the_batches_of_every_chain_that_workers_serve(installation: Installation) -> None:
    make(installation.store, 1)
    installation.store.of_chain(77).create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])

    def listed(*options: object, **environment: str) -> list[int]:
        return [each["chain_id"] for each in installation.json("status", *options, **environment)["batches"]]

    assert listed() == [4242] and listed("--chain", 77) == [77]
    assert listed(HALLMARK_WORKER_CHAINS="all") == [77, 4242]
    assert listed("--chain", 77, HALLMARK_WORKER_CHAINS="all") == [77]
    shown = installation.run("status", HALLMARK_WORKER_CHAINS="all").stdout
    assert "chain" in shown and "77" in shown


def test_a_job_runs_again_and_its_logs_are_found(installation: Installation, tmp_path: Path) -> None:
    job = with_a_dead_job(installation)
    log = tmp_path / "vectors.log"
    events = [{"event": "mine", "job": job}, {"event": "another's", "job": job + 1}, {"event": "nobody's"}]
    log.write_text("".join(f"vectors | {json.dumps(event)}\n" for event in events) + "no JSON {\n")
    found = installation.json("job", "logs", job, "--file", log)
    assert [line["event"] for line in found["lines"]] == ["mine"]
    assert found["attempts"][0]["error_code"] == "artifact_corrupt"
    assert "ArtifactCorrupt" in installation.run("job", "logs", job).stdout
    assert installation.json("job", "requeue", job)["state"] == "queued"
    assert status.job(installation.store, job).state is JobState.QUEUED


def test_statistics_are_of_what_ended(installation: Installation) -> None:
    with_a_dead_job(installation)
    found = installation.json("stats", "--days", 1)
    assert {(each["stage"], each["attempts"]) for each in found} == {("witness", 2), ("vectors", 0)}
    assert only(installation.store, Stage.WITNESS) and "1 failed" in installation.run("stats").stdout


def test_a_protocol_version_gets_its_keys(installation: Installation) -> None:
    keys = "proven100:" + "ab" * 32
    command = ("version", "insert", "7", "--keys", keys, "--chain", 5)
    assert getattr(installation.run(*command, "--json").exception, "code", "") == "not_confirmed"
    for changed in (True, False):
        made = json.loads(installation.run(*command, "--json", "--yes").stdout)
        assert made == {"chain_id": 5, "version": "7", "keys": keys, "changed": changed}
    [found] = [
        each
        for each in json.loads(installation.run("version", "list", "--json").stdout)["versions"]
        if each["chain_id"] == 5
    ]
    assert found == {"chain_id": 5, "protocol_version": "7", "key_identity": keys, "batches": {}}
    refused = installation.run("version", "insert", "7", "--keys", "proven100:ab").exception
    assert isinstance(refused, InvalidInput)


def test_costs_are_of_all_attempts_of_a_batch_and_of_a_day(installation: Installation) -> None:
    store = installation.store
    make(store, 1)
    make(store, 2)
    first = must_claim(store, Stage.WITNESS)
    store.release(first, cost=Cost(1.5, 10, 0))
    store.complete(must_claim(store, Stage.WITNESS), "s", segments(1), cost=Cost(2.5, 20, 300))
    on_device = must_claim(store, Stage.VECTORS, worker=Worker("g", "g", "cuda:0"))
    time.sleep(0.02)
    store.fail(on_device, ArtifactCorrupt("x"), cost=Cost(4, 5, 0))
    spent = installation.json("batch", "show", 1)["cost"]
    assert 0 < spent.pop("device_seconds") < 60
    assert spent == {"attempts": 3, "cpu_seconds": 8.0, "loaded_bytes": 35, "stored_bytes": 300}
    assert "8.0 s of CPU" in installation.run("batch", "show", 1).stdout
    assert installation.json("batch", "show", 2)["cost"]["attempts"] == 0
    days = installation.json("stats", "--cost", "--days", 1)
    assert {(each["stage"], each["attempts"], each["cpu_seconds"]) for each in days} == {
        ("witness", 2, 4.0),
        ("vectors", 1, 4.0),
    }


def test_the_doctor_tells_programs_what_it_tells_people(installation: Installation) -> None:
    done = installation.run("doctor", "--json")
    found = {each["name"]: each["well"] for each in json.loads(done.stdout)}
    assert done.exit_code == (0 if all(found.values()) else 1)
    assert found["job store"] and found["native library"]
