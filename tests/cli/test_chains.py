"""Every command that names a batch or a job does so for every chain, and on a database that is elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from broker.artifacts import open_artifacts
from broker.jobs import Batch, BatchState, JobSpec, JobStore, Stage, open_store, status
from cli.main import app
from runtime.errors import JobNotFound
from runtime.settings import Settings
from tests.cli.store import Installation
from tests.proving.stages.chain import elf_of
from tests.servers import shared_postgresql

#: Commands that name batches of core's own database, which is of one chain: HALLMARK_CHAIN_ID.
OF_CORE = {"rollback", "tree check", "tree proof", "tree snapshot"}
#: Commands whose `batch` is a file.
OF_FILES = {"prove-batch", "verify"}
OTHER = 77


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command of the program with its words."""
    group = group or typer.main.get_command(app)
    for name in group.list_commands(typer.Context(group)):
        command = group.get_command(typer.Context(group), name)
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands())
#: What names a batch or a job -> by which word.
NAMING = {
    words: "job" if "job" in names else "batch"
    for words, command in COMMANDS.items()
    if (names := {parameter.name for parameter in command.params}) & {"batch", "job"} and words not in OF_FILES
}


def test_every_command_that_names_a_batch_takes_a_chain() -> None:
    of_batches = {words for words, named in NAMING.items() if named == "batch"}
    taking = {words for words, command in COMMANDS.items() if "--chain" in {o for p in command.params for o in p.opts}}
    assert of_batches - taking == OF_CORE
    assert {"watch", "trace", "batch export", "artifact verify", "job requeue"} <= NAMING.keys()


@pytest.fixture(scope="module")
def database() -> str:
    url = shared_postgresql().create_database()
    open_store(Settings.of(database_url=url), migrate=True)
    return url


@pytest.mark.parametrize(("number", "words"), list(enumerate(sorted(NAMING.keys() - OF_CORE), 1)))
def test_a_batch_of_another_chain_is_found_in_a_database_elsewhere(
    number: int, words: str, database: str, tmp_path: Path
) -> None:
    settings = Settings.load(state_dir=tmp_path, database_url=database, store_url="", chain_id=OTHER)
    store = open_store(settings)
    batch = made(store, settings, number)
    [job] = status.jobs(store, batch_id=batch.id)
    if words == "watch":
        # It waits for what is not finished, and for what is not there.
        assert store.hand_in(batch.id, "proof") and store.mark_batch(batch.id, BatchState.ACCEPTED)
    parameters = {parameter.name: parameter for parameter in COMMANDS[words].params}
    named = parameters[NAMING[words]]
    value = job.id if NAMING[words] == "job" else number
    filled: list[object] = [*words.split(), *([] if named.param_type_name == "argument" else named.opts), value]
    given = {"priority": [5], "output": ["--output", tmp_path / "file"], "yes": ["--yes"]}
    filled += [word for name, added in given.items() if name in parameters for word in added]
    installation = Installation(tmp_path, store, database)
    if "chain" not in parameters:
        assert installation.run(*filled).exit_code == 0
        return
    if words != "watch":
        assert isinstance(installation.run(*filled).exception, JobNotFound)
    done = installation.run(*filled, "--chain", OTHER)
    assert done.exit_code == 0, (done.output, done.exception)


def made(store: JobStore, settings: Settings, number: int) -> Batch:
    """Make a batch of one job whose program and input are in the artifact store."""
    artifacts = open_artifacts(settings)
    inputs = {
        kind: artifacts.save(f"gateway/{OTHER}/{number}/{kind}-00", kind, payload, protocol="1")
        for kind, payload in (("program", elf_of(20)), ("advice", b""))
    }
    jobs = [JobSpec(Stage.WITNESS, inputs=inputs, final=True)]
    return store.create_batch(number, protocol_version="1", jobs=jobs)[0]
