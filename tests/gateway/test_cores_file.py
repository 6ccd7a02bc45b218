"""The file of cores changes while the gateway runs: what it serves follows, and no batch is lost on the way."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from broker.artifacts import open_artifacts
from broker.jobs import BatchState, open_store
from cli.refusals import unread_cores
from core.process.node import Node
from gateway import cores_file
from gateway.cores import Core
from gateway.cores_file import CoresFile
from gateway.service import Gateway
from gateway.settings import load_gateway_settings
from runtime import run_files
from runtime.errors import ConfigurationError
from runtime.settings import Settings
from tests.core.chain import KEY_DIGEST
from tests.core.stand_in_core import StandInCore
from tests.gateway.conftest import Prover
from tests.gateway.test_cores import SECRET, core, written
from tests.gateway.test_gateway import until
from tests.gateway.test_several_cores import pass_on, states
from tests.gateway.test_tls import Authority
from tests.processes import started

ONE, OTHER = 7001, 7002


@pytest.fixture
def pair(node: Node) -> Iterator[tuple[StandInCore, StandInCore]]:
    made = StandInCore(node.program.elf, ONE), StandInCore(node.program.elf, OTHER)
    yield made
    for each in made:
        each.close()


@pytest.fixture
def prover(tmp_path: Path) -> Prover:
    settings = Settings.of(state_dir=tmp_path, worker_chains="all")
    own = load_gateway_settings(
        gateway_name="test", gateway_poll_seconds=0.02, gateway_renew_seconds=0.05, gateway_wait_seconds=0
    )
    return Prover(settings, own, open_store(settings), open_artifacts(settings))


class Served:
    """A running gateway with a file of cores."""

    def __init__(self, gateway: Gateway, file: Path, pages: TestServer) -> None:
        self.gateway, self._file, self._pages = gateway, file, pages

    def change(self, text: str) -> None:
        """Write the file and say so."""
        self._file.write_text(text, encoding="utf-8")
        os.kill(os.getpid(), signal.SIGHUP)

    def fault(self) -> str:
        return str(self.gateway.pages.state()[1]["cores_file"]["fault"])  # type: ignore[index]

    def refused(self) -> float:
        text = self.gateway.pages.answer("/metrics", "").body.decode()
        [line] = [line for line in text.splitlines() if line.startswith("hallmark_gateway_cores_refused{")]
        return float(line.split()[-1])

    async def page(self, path: str) -> Any:
        async with ClientSession(self._pages.make_url("/")) as http, http.get(path) as answer:
            return await (answer.json() if path == "/ready" else answer.text())


@asynccontextmanager
async def served(prover: Prover, text: str) -> AsyncIterator[Served]:
    path = written(prover.settings.state_dir, text)
    file = CoresFile(path)
    process = started(prover.settings, "gateway")
    made = Gateway(process, prover.own, file.cores, prover.jobs, prover.artifacts, KEY_DIGEST, file=file)
    async with TestServer(made.application()) as pages:
        entry = run_files.write(process, pages.host, pages.port or 0)
        yield Served(made, path, pages)
        run_files.remove(entry)


async def test_a_core_is_added_and_one_that_goes_gets_the_proofs_of_what_it_lent(
    node: Node, prover: Prover, pair: tuple[StandInCore, StandInCore]
) -> None:
    one, other = pair
    one.add(1)
    async with served(prover, core(ONE, one.url)) as at:
        await until(lambda: 1 in states(prover, ONE))
        [line] = at.gateway.lines
        at.change(core(OTHER, other.url))
        await until(lambda: [line.core.chain_id for line in at.gateway.lines] == [OTHER])
        await until(lambda: not line.asks)
        one.add(2)
        other.add(1)
        shown = {each["chain_id"]: each["drains"] for each in (await at.page("/ready"))["cores"]}
        assert shown == {OTHER: False, ONE: True}
        await pass_on(prover, node, OTHER, 1)
        await until(lambda: states(prover, ONE) == {1: BatchState.ACCEPTED})
        assert len(one.accepted[1]) == 1 and one.repeated == 0
        async with asyncio.timeout(5):
            while len((await at.page("/ready"))["cores"]) > 1:
                await asyncio.sleep(0.05)
        assert f'last_poll_seconds{{chain_id="{ONE}"' not in await at.page("/metrics")
    assert states(prover, ONE) == {1: BatchState.ACCEPTED}, "it was asked for nothing after it was taken out"


async def test_a_changed_token_begins_one_line_anew_and_leaves_the_other(
    prover: Prover, pair: tuple[StandInCore, StandInCore]
) -> None:
    one, other = pair
    async with served(prover, core(ONE, one.url) + core(OTHER, other.url)) as at:
        first, second = at.gateway.lines
        at.change(core(ONE, one.url, token=SECRET) + core(OTHER, other.url))
        await until(lambda: at.gateway.lines[0] is not first)
        assert at.gateway.lines[0].core.token.get_secret_value() == SECRET
        assert at.gateway.lines[1] is second
        await until(lambda: not at.gateway.lines[0].trouble())


async def test_a_broken_file_keeps_what_is_served_and_is_told(
    prover: Prover, pair: tuple[StandInCore, StandInCore]
) -> None:
    async with served(prover, core(ONE, pair[0].url)) as at:
        [line] = at.gateway.lines
        await until(lambda: not line.trouble())
        at.change(core(ONE, token=f"{SECRET} two"))
        await until(lambda: bool(at.fault()))
        said = await at.page("/ready")
        assert "a header carries it" in said["cores_file"]["fault"] and SECRET not in str(said)
        assert said["ready"] and at.gateway.lines == [line]
        await until(lambda: at.refused() == 1.0)
        [told] = await asyncio.to_thread(unread_cores, prover.settings.state_dir)
        assert told.startswith("the gateway keeps the cores that it has: ") and "HALLMARK_GATEWAY_CORES" in told
        at.change(core(ONE, pair[0].url))
        await until(lambda: not at.fault() and at.refused() == 0.0)
        assert at.gateway.lines == [line]
        assert await asyncio.to_thread(unread_cores, prover.settings.state_dir) == []


async def test_a_change_is_seen_without_a_signal(
    prover: Prover, pair: tuple[StandInCore, StandInCore], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cores_file, "LOOK_SECONDS", 0.02)
    async with served(prover, core(ONE, pair[0].url)) as at:
        other = tmp_path / "other.toml"
        other.write_text(core(OTHER, pair[1].url))
        other.replace(tmp_path / "cores.toml")
        await until(lambda: [line.core.chain_id for line in at.gateway.lines] == [OTHER])


def test_a_file_that_is_being_written_is_not_taken_until_it_stays(tmp_path: Path) -> None:
    file = CoresFile(written(tmp_path, core(ONE)))
    assert file.look() is None
    for _ in range(2):
        written(tmp_path, core(OTHER))
        assert file.look() is None
        written(tmp_path, core(OTHER) + core(ONE))
        assert file.look() is None
    assert [each.chain_id for each in file.look() or ()] == [OTHER, ONE]
    assert file.look() is None


def test_each_fault_is_logged_once_and_what_mends_it_is_seen_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(cores_file.log, "error", lambda event, **fields: logged.append(fields["error"]))
    authority = Authority(tmp_path, "authority")
    file = CoresFile(written(tmp_path, core(ONE)))
    for text in ("[[core]]", core(ONE, tls_authority="later.pem")):
        written(tmp_path, text)
        assert [file.look() for _ in range(4)] == [None] * 4
    assert len(logged) == 2 and "later.pem" in file.fault
    authority.file.rename(tmp_path / "later.pem")
    [first] = file.look() or ()
    assert file.fault == "" and first.tls_authority == tmp_path / "later.pem"


def test_a_renewed_certificate_begins_a_line_anew(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    authority.certificate("gateway")
    files = {"tls_certificate": "gateway.pem", "tls_key": "gateway.key"}
    file = CoresFile(written(tmp_path, core(ONE, **files)))
    [before] = file.cores
    digest = before.files_digest()
    authority.certificate("gateway")
    [after] = file.look(at_once=True) or ()
    assert after == before and after.files_digest() != digest


def test_a_core_whose_keys_differ_is_a_fault_of_the_file(tmp_path: Path) -> None:
    def check(core: Core) -> None:
        if core.chain_id == OTHER:
            raise ConfigurationError("other keys")

    file = CoresFile(written(tmp_path, core(ONE)), check)
    written(tmp_path, core(OTHER))
    assert file.look(at_once=True) is None and "other keys" in file.fault
    with pytest.raises(ConfigurationError, match="other keys"):
        CoresFile(written(tmp_path, core(OTHER)), check)
